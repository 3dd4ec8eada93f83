using Faith.Kernels;

namespace Faith.Engine.Models;

/// <summary>
/// A weight matrix in a checkpoint: one stored tensor, or several of the same width whose rows follow each other (separate query,
/// key and value projections become one fused projection without being copied).
/// </summary>
internal sealed class StoredMatrix : MatrixSource
{
    private readonly StoredTensor[] parts;
    private readonly int rows;
    private readonly int width;

    /// <summary>The parts' rows one after the other.</summary>
    /// <param name="parts">Matrices [rows × width], read in this order.</param>
    /// <param name="storedTransposed">True for torch.nn.Linear ([out × in]), false for Conv1D and embeddings ([in × out]).</param>
    internal StoredMatrix(StoredTensor[] parts, bool storedTransposed)
    {
        this.parts = parts;
        rows = checked((int)parts.Sum(part => part.Shape[0]));
        width = checked((int)parts[0].Shape[1]);
        StoredTransposed = storedTransposed;
        Precision = parts.All(part => part.Type == parts[0].Type) ? parts[0].Precision : WeightPrecision.Float32;
    }

    /// <inheritdoc/>
    public override int Inputs => StoredTransposed ? width : rows;
    /// <inheritdoc/>
    public override int Outputs => StoredTransposed ? rows : width;
    /// <inheritdoc/>
    public override bool StoredTransposed { get; }
    /// <inheritdoc/>
    public override WeightPrecision Precision { get; }

    /// <inheritdoc/>
    public override void ReadStoredRows(int start, int count, Span<float> destination)
    {
        if (start < 0 || count < 0 || count > rows - start)
        {
            throw new ArgumentOutOfRangeException(nameof(start), $"rows {start} to {(long)start + count} of {rows}");
        }
        destination = destination[..checked(count * width)];
        var skipped = (long)start;
        foreach (var part in parts)
        {
            if (destination.Length == 0) return;
            var available = part.Shape[0] - skipped;
            if (available <= 0)
            {
                skipped -= part.Shape[0];
                continue;
            }
            var taken = (int)Math.Min(available * width, destination.Length);
            part.Read(skipped * width, destination[..taken]);
            destination = destination[taken..];
            skipped = 0;
        }
    }
}
