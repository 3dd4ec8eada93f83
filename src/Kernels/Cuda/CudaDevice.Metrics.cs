using System.Runtime.InteropServices;

namespace Faith.Kernels.Cuda;

// Launchers of metrics.cu.
public sealed partial class CudaDevice
{
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct MetricParameters(Tensor X, Tensor Reference, Tensor Weights, Tensor Value, Tensor Gradient,
        Indices Offsets, Indices Tokens, int JensenShannon);

    /// <inheritdoc/>
    public override void SparseLogits(Tensor y, Tensor unembedding, Indices offsets, Indices tokens, Tensor weights, Tensor value,
        Tensor dy)
    {
        RequireShape(value, y.Rows, 1);
        Launch("sparse_logits", new MetricParameters(y, unembedding, weights, value, dy, offsets, tokens, 0), y.Rows,
            threads: RowThreads(y.Columns));
    }

    /// <inheritdoc/>
    public override void SoftmaxMetric(Tensor logits, Indices offsets, Indices tokens, Tensor weights, Tensor value, Tensor dLogits)
    {
        RequireShape(value, logits.Rows, 1);
        Launch("softmax_metric", new MetricParameters(logits, default, weights, value, dLogits, offsets, tokens, 0), logits.Rows,
            threads: VocabularyThreads(logits.Columns));
    }

    /// <inheritdoc/>
    public override void DivergenceMetric(Tensor logits, Tensor reference, bool jensenShannon, Tensor value, Tensor dLogits)
    {
        RequireShape(reference, logits.Rows, logits.Columns);
        RequireShape(value, logits.Rows, 1);
        var parameters = new MetricParameters(logits, reference, default, value, dLogits, default, default, jensenShannon ? 1 : 0);
        Launch("divergence_metric", parameters, logits.Rows, threads: VocabularyThreads(logits.Columns));
    }

    // There are few rows, one an example, so a row gets as many threads as a block can have.
    private static int VocabularyThreads(int columns) => Math.Clamp((columns / 8 + 31) / 32 * 32, 32, 1024);
}
