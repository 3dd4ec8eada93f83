namespace Faith.Kernels.Cuda;

// The launcher of DivergenceMetric.cu.
public sealed partial class CudaDevice
{
    /// <inheritdoc/>
    public override void DivergenceMetric(Tensor logits, Tensor reference, bool jensenShannon, Tensor value, Tensor dLogits)
    {
        RequireShape(reference, logits.Rows, logits.Columns);
        RequireShape(value, logits.Rows, 1);
        var parameters = new MetricParameters(logits, reference, default, value, dLogits, default, default, jensenShannon ? 1 : 0);
        Launch("divergence_metric", parameters, logits.Rows, threads: VocabularyThreads(logits.Columns));
    }
}
