using ILGPU;

namespace Faith.Kernels.Gpu;

/// <summary>
/// The metric head of a few logits. Sets value = x·c and the gradient of −value, −c, with c = Σ_j weight_j·U[token_j] (the row's entries in
/// order). Bytes: 4·d·(entries + 2).
/// </summary>
internal static class SparseLogitsKernel
{
    public const int Threads = 256;

    public static GpuKernel<MetricOperands> Kernel { get; } = new("SparseLogits", SparseLogits, Threads);

    public static GpuKernel<HeadOperands> OfHead { get; } = new("SparseLogitsOfHead", SparseLogitsOfHead, Threads);

    /// <summary>The same with a bias or a cap: one token after the other, since a cap is no sum. Bytes: 4·d·(3·entries + 1).</summary>
    public static void SparseLogitsOfHead(HeadOperands h)
    {
        var slots = SharedMemory.Allocate<float>(Threads);
        var p = h.Metric;
        int row = Grid.IdxX, from = p.Offsets[row], to = p.Offsets[row + 1];
        var gradient = !p.Gradient.IsNone;
        if (gradient)
        {
            for (var i = Group.IdxX; i < p.X.Columns; i += Group.DimX) p.Gradient[row, i] = 0;
        }
        float value = 0;
        for (var j = from; j < to; j++)
        {
            var token = p.Tokens[j];
            float weight = p.Weights.Data[j], logit = 0, slope = 1;
            for (var i = Group.IdxX; i < p.X.Columns; i += Group.DimX) logit = Exact.Fma(p.X[row, i], p.Reference[token, i], logit);
            logit = Reduce.OverBlock<Sum>(logit, slots);
            if (!h.Bias.IsNone) logit += h.Bias[0, token];
            if (h.Cap != 0f) logit = h.Cap * Functions.Tanh(logit / h.Cap, out slope);
            value = Exact.Fma(weight, logit, value);
            if (!gradient) continue;
            for (var i = Group.IdxX; i < p.X.Columns; i += Group.DimX) p.Gradient[row, i] = Exact.Fma(-weight * slope, p.Reference[token, i], p.Gradient[row, i]);
        }
        if (Group.IdxX == 0) p.Value[row, 0] = value;
    }

    public static void SparseLogits(MetricOperands p)
    {
        var slots = SharedMemory.Allocate<float>(Threads);
        int row = Grid.IdxX, from = p.Offsets[row], to = p.Offsets[row + 1];
        var gradient = !p.Gradient.IsNone;
        float sum = 0;
        for (var i = Group.IdxX; i < p.X.Columns; i += Group.DimX)
        {
            float c = 0;
            for (var j = from; j < to; j++) c = Exact.Fma(p.Weights.Data[j], p.Reference[p.Tokens[j], i], c);
            sum = Exact.Fma(p.X[row, i], c, sum);
            if (gradient) p.Gradient[row, i] = -c;
        }
        sum = Reduce.OverBlock<Sum>(sum, slots);
        if (Group.IdxX == 0) p.Value[row, 0] = sum;
    }
}

internal struct HeadOperands(MetricOperands metric, Matrix bias, float cap)
{
    public MetricOperands Metric = metric;
    public Matrix Bias = bias;
    public float Cap = cap;
}

public sealed partial class GpuDevice
{
    /// <inheritdoc/>
    public override void SparseLogits(Tensor y, LogitHead head, Indices offsets, Indices tokens, Tensor weights, Tensor value, Tensor dy)
    {
        RequireShape(value, y.Rows, 1);
        var operands = new MetricOperands(View(y), ((GpuWeights)head.Unembedding).Table, View(weights), View(value), View(dy), View(offsets), View(tokens), false);
        if (head.Bias.IsNone && head.Cap == 0)
        {
            Launch(SparseLogitsKernel.Kernel, operands, y.Rows, threads: RowThreads(y.Columns));
            return;
        }
        if (!head.Bias.IsNone) RequireShape(head.Bias, 1, head.Unembedding.Inputs);
        Launch(SparseLogitsKernel.OfHead, new HeadOperands(operands, View(head.Bias), head.Cap), y.Rows, threads: RowThreads(y.Columns));
    }
}
