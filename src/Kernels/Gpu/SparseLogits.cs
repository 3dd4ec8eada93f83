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

public sealed partial class GpuDevice
{
    /// <inheritdoc/>
    public override void SparseLogits(Tensor y, Tensor unembedding, Indices offsets, Indices tokens, Tensor weights, Tensor value, Tensor dy)
    {
        RequireShape(value, y.Rows, 1);
        Launch(SparseLogitsKernel.Kernel, new MetricOperands(View(y), View(unembedding), View(weights), View(value), View(dy), View(offsets), View(tokens), false), y.Rows,
            threads: RowThreads(y.Columns));
    }
}
