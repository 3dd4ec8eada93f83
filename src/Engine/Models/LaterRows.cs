using Faith.Kernels;

namespace Faith.Engine.Models;

/// <summary>A table without its first rows.</summary>
/// <param name="table">The table, not stored transposed.</param>
/// <param name="skipped">Rows that are left out.</param>
internal sealed class LaterRows(MatrixSource table, int skipped) : MatrixSource
{
    /// <inheritdoc/>
    public override int Inputs => table.Inputs - skipped;
    /// <inheritdoc/>
    public override int Outputs => table.Outputs;
    /// <inheritdoc/>
    public override bool StoredTransposed => false;
    /// <inheritdoc/>
    public override WeightPrecision Precision => table.Precision;

    /// <inheritdoc/>
    public override void ReadStoredRows(int start, int count, Span<float> destination)
    {
        if (start < 0 || count < 0 || count > Inputs - start)
        {
            throw new ArgumentOutOfRangeException(nameof(start), $"rows {start} to {(long)start + count} of {Inputs}");
        }
        table.ReadStoredRows(start + skipped, count, destination);
    }
}
