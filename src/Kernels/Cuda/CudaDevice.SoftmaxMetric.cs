namespace Faith.Kernels.Cuda;

// The launcher of SoftmaxMetric.cu.
public sealed partial class CudaDevice
{
    /// <inheritdoc/>
    public override void SoftmaxMetric(Tensor logits, Indices offsets, Indices tokens, Tensor weights, Tensor value, Tensor dLogits)
    {
        RequireShape(value, logits.Rows, 1);
        Launch("softmax_metric", new MetricParameters(logits, default, weights, value, dLogits, offsets, tokens, 0), logits.Rows,
            threads: VocabularyThreads(logits.Columns));
    }
}
