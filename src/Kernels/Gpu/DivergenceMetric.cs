using ILGPU;

namespace Faith.Kernels.Gpu;

/// <summary>
/// The metric heads of two distributions. Sets value and the gradient of +value with respect to x: the mean over the vocabulary of r·(log r − log
/// p), or with jensenShannon of ½[r·(log r − log m) + p·(log p − log m)], m = (p + r)/2, for p = softmax(x), r = softmax(reference). Where
/// the two are close, terms of first order would cancel: r·(log r − log p) is summed as r·(δ + e^−δ − 1), which adds Σp − Σr = 0, and for
/// jensenShannon p = r·e^−δ is put in by hand. A logit of −∞ counts as −1e30. Bytes: 28 to 32 a logit; about 150 operations.
/// </summary>
internal static class DivergenceMetricKernel
{
    public static GpuKernel<MetricOperands> Kernel { get; } = new("DivergenceMetric", DivergenceMetric, LogSum.Threads);

    public static void DivergenceMetric(MetricOperands p)
    {
        var slots = SharedMemory.Allocate<float>(LogSum.Threads);
        int row = Grid.IdxX, t = Group.IdxX, threads = Group.DimX, count = p.X.Columns;
        ArrayView<float> x = p.X.From(row), reference = p.Reference.From(row);
        LogSum own = LogSum.Of(x, count, slots), other = LogSum.Of(reference, count, slots);
        // log r − log p = (reference − x) − (difference of the maxima) + log(Σ of p / Σ of r); where the two are close, the first two
        // differences are exact and the logarithm is that of a number near 1.
        var both = new Distributions
        {
            Own = own,
            Other = other,
            Inverse = 1f / own.Total,
            InverseOther = 1f / other.Total,
            Shift = own.Largest - other.Largest + Functions.Log(own.Total / other.Total),
        };
        float sum = 0, inner = 0, mean = 1f / count;
        for (var i = t; i < count; i += threads)
        {
            var at = both.At(x[i], reference[i]);
            bool close = at.IsClose;
            if (p.JensenShannon == 0)
                sum += close ? at.R * (at.Delta + Functions.ExpMinusOne(-at.Delta)) : Exact.Fma(at.R, at.Delta, at.P - at.R);
            else
            {
                var to = ToMean.Of(at.Delta);
                if (close)
                {
                    var change = Functions.ExpMinusOne(-at.Delta);
                    sum += 0.5f * at.R * (-0.5f * at.Delta * change - (2f + change) * to.C);
                }
                else sum += 0.5f * (at.R * to.R + at.P * to.P);
                inner = Exact.Fma(at.P, 0.5f * to.P, inner);
            }
        }
        var value = Reduce.OverBlock<Sum>(sum, slots) * mean;
        if (t == 0) p.Value[row, 0] = value;
        if (p.Gradient.IsNone) return;
        inner = Reduce.OverBlock<Sum>(inner, slots);
        var gradient = p.Gradient.From(row);
        for (var i = t; i < count; i += threads)
        {
            var at = both.At(x[i], reference[i]);
            if (p.JensenShannon == 0) gradient[i] = (at.IsClose ? -at.P * Functions.ExpMinusOne(at.Delta) : at.P - at.R) * mean;
            else gradient[i] = at.P * (0.5f * ToMean.Of(at.Delta).P - inner) * mean;
        }
    }

    /// <summary>p, r and δ = log r − log p of one token.</summary>
    private struct Token
    {
        public float P, R, Delta;
        public readonly bool IsClose => Delta > -0.35f && Delta < 0.35f;
    }

    private struct Distributions
    {
        public LogSum Own, Other;
        public float Inverse, InverseOther, Shift;

        public readonly Token At(float x, float reference)
        {
            x = Finite(x);
            reference = Finite(reference);
            return new()
            {
                P = Functions.Exp(x - Own.Largest) * Inverse,
                R = Functions.Exp(reference - Other.Largest) * InverseOther,
                Delta = reference - x + Shift,
            };
        }

        // Written so that NaN stays NaN.
        private static float Finite(float logit) => logit < -1e30f ? -1e30f : logit;
    }

    /// <summary>What the Jensen-Shannon divergence needs of δ: log(p/m) and log(r/m), which are −δ/2 − c and δ/2 − c with c = log cosh(δ/2).</summary>
    private struct ToMean
    {
        public float P, R, C;

        // Relative error of c below 1e-6, absolute error of the logarithms below 2e-7·(1 + |δ|).
        public static ToMean Of(float delta)
        {
            float size = delta < 0f ? -delta : delta, t = delta * delta;
            if (size < 0.5f)
            {
                var series = Exact.Fma(t, -17f / 645120, 1f / 2880);
                series = Exact.Fma(t, series, -1f / 192);
                series = Exact.Fma(t, series, 1f / 8);
                var c = t * series;
                return new() { P = -0.5f * delta - c, R = 0.5f * delta - c, C = c };
            }
            float larger = 0.693147182f - Functions.LogOnePlus(Functions.Exp(-size)), smaller = larger - size;
            return new() { P = delta < 0f ? larger : smaller, R = delta < 0f ? smaller : larger, C = 0.5f * size - larger };
        }
    }
}

public sealed partial class GpuDevice
{
    /// <inheritdoc/>
    public override void DivergenceMetric(Tensor logits, Tensor reference, bool jensenShannon, Tensor value, Tensor dLogits)
    {
        RequireShape(value, logits.Rows, 1);
        RequireShape(reference, logits.Rows, logits.Columns);
        Launch(DivergenceMetricKernel.Kernel, new MetricOperands(View(logits), View(reference), default, View(value), View(dLogits), default, default, jensenShannon), logits.Rows,
            threads: VocabularyThreads(logits.Columns));
    }
}
