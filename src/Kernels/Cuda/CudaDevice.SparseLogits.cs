namespace Faith.Kernels.Cuda;

// The launcher of SparseLogits.cu.
public sealed partial class CudaDevice
{
    /// <inheritdoc/>
    public override void SparseLogits(Tensor y, Tensor unembedding, Indices offsets, Indices tokens, Tensor weights, Tensor value,
        Tensor dy)
    {
        RequireShape(value, y.Rows, 1);
        Launch("sparse_logits", new MetricParameters(y, unembedding, weights, value, dy, offsets, tokens, 0), y.Rows,
            threads: RowThreads(y.Columns));
    }
}
