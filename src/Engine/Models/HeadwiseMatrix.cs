using Faith.Kernels;

namespace Faith.Engine.Models;

/// <summary>
/// A fused projection that is stored by key heads: the queries of those that share the first, its key and its value, then those of the second; read as all
/// queries, then all keys, then all values.
/// </summary>
/// <param name="tensor">[(heads + 2·keyHeads) · headDim × inputs].</param>
/// <param name="heads">H.</param>
/// <param name="keyHeads">Key heads.</param>
/// <param name="headDim">d_head.</param>
internal sealed class HeadwiseMatrix(StoredTensor tensor, int heads, int keyHeads, int headDim) : MatrixSource
{
    private readonly int width = checked((int)tensor.Shape[1]);

    /// <inheritdoc/>
    public override int Inputs => width;
    /// <inheritdoc/>
    public override int Outputs => (heads + 2 * keyHeads) * headDim;
    /// <inheritdoc/>
    public override bool StoredTransposed => true;
    /// <inheritdoc/>
    public override WeightPrecision Precision => tensor.Precision;

    /// <inheritdoc/>
    public override void ReadStoredRows(int start, int count, Span<float> destination)
    {
        if (start < 0 || count < 0 || count > Outputs - start)
        {
            throw new ArgumentOutOfRangeException(nameof(start), $"rows {start} to {(long)start + count} of {Outputs}");
        }
        Read(tensor, heads, keyHeads, headDim, width, start, count, destination);
    }

    /// <summary>Rows of what is stored head by head, each of <paramref name="width"/> elements, in the order of queries, keys and values.</summary>
    internal static void Read(StoredTensor tensor, int heads, int keyHeads, int headDim, int width, int start, int count, Span<float> destination)
    {
        var group = heads / keyHeads;
        for (int row = start, end = start + count; row < end;)
        {
            var (block, within) = Math.DivRem(row, headDim);
            // Which key head, and which of its queries, key and value.
            var (keyHead, place) = block < heads ? Math.DivRem(block, group) : ((block - heads) % keyHeads, group + (block - heads) / keyHeads);
            var rows = Math.Min(headDim - within, end - row);
            tensor.Read((((long)keyHead * (group + 2) + place) * headDim + within) * width, destination.Slice((row - start) * width, rows * width));
            row += rows;
        }
    }
}
