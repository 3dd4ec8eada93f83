using ILGPU;

namespace Faith.Kernels.Gpu;

/// <summary>
/// The metric head of a few probabilities. Sets value = Σ_j weight_j·p[token_j], p = softmax(x), and the gradient of −value: p⊙(value − w). Entries
/// may name a token twice. Bytes: 12 to 16 a logit; about 30 operations.
/// </summary>
internal static class SoftmaxMetricKernel
{
    public static GpuKernel<MetricOperands> Kernel { get; } = new("SoftmaxMetric", SoftmaxMetric, LogSum.Threads);

    public static void SoftmaxMetric(MetricOperands p)
    {
        var slots = SharedMemory.Allocate<float>(LogSum.Threads);
        int row = Grid.IdxX, t = Group.IdxX, threads = Group.DimX, from = p.Offsets[row], to = p.Offsets[row + 1], count = p.X.Columns;
        ArrayView<float> x = p.X.From(row), weights = p.Weights.Data;
        var total = LogSum.Of(x, count, slots);
        float inverse = 1f / total.Total, sum = 0;
        for (var j = from + t; j < to; j += threads) sum = Exact.Fma(weights[j], Functions.Exp(x[p.Tokens[j]] - total.Largest) * inverse, sum);
        var value = Reduce.OverBlock<Sum>(sum, slots);
        if (t == 0) p.Value[row, 0] = value;
        if (p.Gradient.IsNone) return;
        // First p·value everywhere, then the few tokens that have weights; of entries that name one token the first writes it.
        var gradient = p.Gradient.From(row);
        for (var i = t; i < count; i += threads) gradient[i] = Functions.Exp(x[i] - total.Largest) * inverse * value;
        Barrier.Wait();
        for (var j = from + t; j < to; j += threads)
        {
            var token = p.Tokens[j];
            var first = true;
            float weight = 0, rest = 0; // of the value, what other tokens give
            for (var other = from; other < to; other++)
            {
                var at = p.Tokens[other];
                if (at == token)
                {
                    first = first && other >= j;
                    weight += weights[other];
                }
                else rest = Exact.Fma(weights[other], Functions.Exp(x[at] - total.Largest) * inverse, rest);
            }
            var own = Functions.Exp(x[token] - total.Largest) * inverse;
            // value − weight, which would cancel where the answer is nearly certain.
            var complement = x[token] == total.Largest ? total.Others * inverse : 1f - own;
            if (first) gradient[token] = own * (rest - weight * complement);
        }
    }
}

public sealed partial class GpuDevice
{
    /// <inheritdoc/>
    public override void SoftmaxMetric(Tensor logits, Indices offsets, Indices tokens, Tensor weights, Tensor value, Tensor dLogits)
    {
        RequireShape(value, logits.Rows, 1);
        Launch(SoftmaxMetricKernel.Kernel, new MetricOperands(View(logits), default, View(weights), View(value), View(dLogits), View(offsets), View(tokens), false), logits.Rows,
            threads: VocabularyThreads(logits.Columns));
    }
}
