using ILGPU;

namespace Faith.Kernels.Gpu;

/// <summary>
/// The metric head of a few logits. Sets value = x·c and the gradient of −value, −c, with c = Σ_j weight_j·U[token_j] (the row's entries in
/// order). Bytes: 4·d·(entries + 2).
/// </summary>
internal static class SparseLogitsKernels
{
    private const int Threads = 256;

    /// <summary>The kernels for an unembedding of a kind of numbers.</summary>
    public static class Of<TNumber, W> where TNumber : struct, INumber<W> where W : unmanaged
    {
        public static GpuKernel<HeadOperands<W>> Plain { get; } = new($"SparseLogits.{typeof(TNumber).Name}", SparseLogits<TNumber, W>, Threads);

        public static GpuKernel<HeadOperands<W>> OfHead { get; } = new($"SparseLogitsOfHead.{typeof(TNumber).Name}", SparseLogitsOfHead<TNumber, W>, Threads);

        public static IEnumerable<GpuKernel> All => [Plain, OfHead];
    }

    /// <summary>The same with a bias or a cap: one token after the other, since a cap is no sum. Bytes: 4·d·(3·entries + 1).</summary>
    public static void SparseLogitsOfHead<TNumber, W>(HeadOperands<W> p) where TNumber : struct, INumber<W> where W : unmanaged
    {
        var slots = SharedMemory.Allocate<float>(Threads);
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
            for (var i = Group.IdxX; i < p.X.Columns; i += Group.DimX) logit = Exact.Fma(p.X[row, i], p.Unembedding.At<TNumber>(token, i), logit);
            logit = Reduce.OverBlock<Sum>(logit, slots);
            if (!p.Bias.IsNone) logit += p.Bias[0, token];
            if (p.Cap != 0f) logit = p.Cap * Functions.Tanh(logit / p.Cap, out slope);
            value = Exact.Fma(weight, logit, value);
            if (!gradient) continue;
            for (var i = Group.IdxX; i < p.X.Columns; i += Group.DimX) p.Gradient[row, i] = Exact.Fma(-weight * slope, p.Unembedding.At<TNumber>(token, i), p.Gradient[row, i]);
        }
        if (Group.IdxX == 0) p.Value[row, 0] = value;
    }

    public static void SparseLogits<TNumber, W>(HeadOperands<W> p) where TNumber : struct, INumber<W> where W : unmanaged
    {
        var slots = SharedMemory.Allocate<float>(Threads);
        int row = Grid.IdxX, from = p.Offsets[row], to = p.Offsets[row + 1];
        var gradient = !p.Gradient.IsNone;
        float sum = 0;
        for (var i = Group.IdxX; i < p.X.Columns; i += Group.DimX)
        {
            float c = 0;
            for (var j = from; j < to; j++) c = Exact.Fma(p.Weights.Data[j], p.Unembedding.At<TNumber>(p.Tokens[j], i), c);
            sum = Exact.Fma(p.X[row, i], c, sum);
            if (gradient) p.Gradient[row, i] = -c;
        }
        sum = Reduce.OverBlock<Sum>(sum, slots);
        if (Group.IdxX == 0) p.Value[row, 0] = sum;
    }
}

internal struct HeadOperands<W> where W : unmanaged
{
    public Matrix X, Bias, Weights, Value, Gradient;
    public Table<W> Unembedding;
    public ArrayView<int> Offsets, Tokens;
    public float Cap;
}

public sealed partial class GpuDevice
{
    /// <inheritdoc/>
    public override void SparseLogits(Tensor y, LogitHead head, Indices offsets, Indices tokens, Tensor weights, Tensor value, Tensor dy)
    {
        RequireShape(value, y.Rows, 1);
        if (!head.Bias.IsNone) RequireShape(head.Bias, 1, head.Unembedding.Inputs);
        var w = (GpuWeights)head.Unembedding;
        if (w.Precision == WeightPrecision.Float32) Launch<Single32, float>(w.TableOfSingles);
        else if (w.Precision == WeightPrecision.BFloat16) Launch<Brain16, ushort>(w.TableOfHalves);
        else Launch<Half16, ushort>(w.TableOfHalves);

        void Launch<TNumber, W>(Table<W> unembedding) where TNumber : struct, INumber<W> where W : unmanaged =>
            this.Launch(head.Bias.IsNone && head.Cap == 0 ? SparseLogitsKernels.Of<TNumber, W>.Plain : SparseLogitsKernels.Of<TNumber, W>.OfHead, new HeadOperands<W>
            {
                X = View(y),
                Bias = View(head.Bias),
                Weights = View(weights),
                Value = View(value),
                Gradient = View(dy),
                Unembedding = unembedding,
                Offsets = View(offsets),
                Tokens = View(tokens),
                Cap = head.Cap,
            }, y.Rows, threads: RowThreads(y.Columns));
    }
}
