using System.Runtime.CompilerServices;

namespace Faith.Kernels.Host;

public sealed unsafe partial class HostDevice
{
    /// <inheritdoc/>
    public override void DivergenceMetric(Tensor logits, Tensor reference, bool jensenShannon, Tensor value, Tensor dLogits)
    {
        RequireSameShape(logits, reference);
        pool.For(logits.Rows, Math.Max(1, ElementsOfChunk / Math.Max(logits.Columns, 1)), (device: this, logits, reference, jensenShannon, value, dLogits),
            static (in (HostDevice device, Tensor logits, Tensor reference, bool jensenShannon, Tensor value, Tensor dLogits) o, int from, int to, int thread) =>
            {
                var exponentials = o.device.scratch.Reserve(thread, 2L * o.logits.Columns);
                o.device.kernels.DivergenceMetric(o.logits, o.reference, o.jensenShannon, o.value, o.dLogits, exponentials, from, to);
            });
    }
}

internal sealed unsafe partial class RowKernels<V>
{
    public override void DivergenceMetric(RawTensor logits, RawTensor reference, bool jensenShannon, RawTensor value, RawTensor dLogits, float* exponentials, int from, int to)
    {
        var n = logits.Columns;
        for (var r = from; r < to; r++)
        {
            float* x = logits.Row(r), y = reference.Row(r), d = dLogits.IsNone ? null : dLogits.Row(r);
            float xMax = Largest(x, n), yMax = Largest(y, n);
            // The gradient of KL takes the place of the exponentials that it is made of.
            float* yExp = exponentials, xExp = jensenShannon || d == null ? exponentials + n : d;
            double xLog = double.LogP1(SumOfOthers(x, xMax, n, xExp)), yLog = double.LogP1(SumOfOthers(y, yMax, n, yExp));
            var constant = yMax + yLog - (xMax + xLog);
            *value.Row(r) = (float)(jensenShannon ? JensenShannon(x, y, xExp, yExp, constant, xLog, yLog, d, n) : KullbackLeibler(x, y, xExp, yExp, constant, xLog, yLog, d, n));
        }
    }

    /// <summary>
    /// mean p_ref·(log p_ref − log p) and its gradient (p − p_ref)/n. The difference of the logs is y − x minus a constant, most of which is taken off
    /// inside the sum and the rest, which float32 cannot hold, outside: so the value keeps its digits when it is small.
    /// </summary>
    [MethodImpl(Hot)]
    static double KullbackLeibler(float* x, float* y, float* xExp, float* yExp, double constant, double xLog, double yLog, float* d, int n)
    {
        const int Run = 1024;
        V c = V.Of((float)constant), fx = V.Of((float)(Math.Exp(-xLog) / n)), fy = V.Of((float)(Math.Exp(-yLog) / n)), floor = V.Of(-1e30f);
        double total = 0, mass = 0;
        for (var start = 0; start < n; start += Run)
        {
            var end = Math.Min(n, start + Run);
            V sum = V.Of(0), weight = sum;
            for (var i = start; i < end; i += V.Count)
            {
                var rest = end - i;
                var whole = rest >= V.Count;
                V a = whole ? V.Load(x + i) : V.LoadFirst(x + i, rest, 0), b = whole ? V.Load(y + i) : V.LoadFirst(y + i, rest, 0);
                // e is zero past the end and where a logit is −∞; what it is multiplied with stays finite.
                var e = whole ? V.Load(yExp + i) : V.LoadFirst(yExp + i, rest, 0);
                sum = V.MultiplyAdd(e, V.Max(b, floor) - V.Max(a, floor) - c, sum);
                weight += e;
                if (d == null) continue;
                var gradient = (whole ? V.Load(xExp + i) : V.LoadFirst(xExp + i, rest, 0)) * fx - e * fy;
                if (whole) gradient.Store(d + i);
                else gradient.StoreFirst(d + i, rest);
            }
            total += sum.Sum();
            mass += weight.Sum();
        }
        return (total / mass + ((float)constant - constant)) / n;
    }

    /// <summary>
    /// Mean of ½[p_ref·log(p_ref/m) + p·log(p/m)], m = (p + p_ref)/2, and its gradient ½p·(log(p/m) − Σ p·log(p/m))/n. No term is a difference of
    /// larger ones (see <see cref="MeanDivergence"/>), so the value keeps its digits when it is small. −∞ counts as −1e30, and log p_ref − log p as ±100 at most.
    /// </summary>
    [MethodImpl(Hot)]
    static double JensenShannon(float* x, float* y, float* xExp, float* yExp, double constant, double xLog, double yLog, float* d, int n)
    {
        const int Run = 1024;
        V c = V.Of((float)constant), rest = V.Of((float)(constant - (float)constant)), floor = V.Of(-1e30f), most = V.Of(100), zero = V.Of(0);
        V fx = V.Of((float)Math.Exp(-xLog)), fy = V.Of((float)Math.Exp(-yLog)), half = V.Of(0.5f / n);
        var join = new MeanDivergence();
        double total = 0, mean = 0;
        for (var start = 0; start < n; start += Run)
        {
            var end = Math.Min(n, start + Run);
            V sum = zero, inner = zero;
            for (var i = start; i < end; i += V.Count)
            {
                var left = end - i;
                var whole = left >= V.Count;
                var a = V.Max(whole ? V.Load(x + i) : V.LoadFirst(x + i, left, float.MinValue), floor);
                var b = V.Max(whole ? V.Load(y + i) : V.LoadFirst(y + i, left, float.MinValue), floor);
                V p = Part(xExp, i, end) * fx, r = Part(yExp, i, end) * fy, delta = V.Max(zero - most, V.Min(most, b - a - c - rest));
                var (both, larger) = join.Of(V.Max(delta, zero - delta));
                sum = V.MultiplyAdd(V.Max(p, r), both, sum);
                var term = p * (larger - V.Max(delta, zero));
                inner += term;
                if (d == null) continue;
                if (whole) (term * half).Store(d + i);
                else (term * half).StoreFirst(d + i, left);
            }
            total += sum.Sum();
            mean += inner.Sum();
        }
        if (d != null) Map(new AddScaledMap((float)(-0.5 * Math.Exp(-xLog) * mean / n)), xExp, d, d, n);
        return 0.5 * total / n;
    }

    /// <summary>
    /// Two probabilities whose logarithms are t apart, the larger one b: L = log(b/m) and b·log(b/m) + b·e⁻ᵗ·log(b·e⁻ᵗ/m), divided by b. Up to t = 1 by
    /// power series, L = t/2 − log cosh(t/2), from there by L = log 2 − log(1 + e⁻ᵗ); each is held at 1 on the other's side. Errors below 2e-6 of the second and 3e-7 of the first.
    /// </summary>
    readonly struct MeanDivergence
    {
        readonly V logAtOne, bothAtOne;

        public MeanDivergence() => (logAtOne, bothAtOne) = Far(V.Of(1));

        [MethodImpl(Inline)]
        public (V Both, V Log) Of(V t)
        {
            V near = V.Min(V.Of(1), t), square = near * near, halfNear = near * V.Of(0.5f);
            // log cosh(t/2)
            var c = V.MultiplyAdd(square, V.Of(10922f / 42567525 / 16384), V.Of(-691f / 935550 / 4096));
            c = V.MultiplyAdd(square, c, V.Of(31f / 14175 / 1024));
            c = V.MultiplyAdd(square, c, V.Of(-17f / 2520 / 256));
            c = V.MultiplyAdd(square, c, V.Of(1f / 45 / 64));
            c = V.MultiplyAdd(square, c, V.Of(-1f / 12 / 16));
            c = V.MultiplyAdd(square, c, V.Of(1f / 8)) * square;
            // 1 − e⁻ᵗ
            var u = V.MultiplyAdd(near, V.Of(-1f / 10), V.Of(1));
            u = V.MultiplyAdd(near * u, V.Of(-1f / 9), V.Of(1));
            u = V.MultiplyAdd(near * u, V.Of(-1f / 8), V.Of(1));
            u = V.MultiplyAdd(near * u, V.Of(-1f / 7), V.Of(1));
            u = V.MultiplyAdd(near * u, V.Of(-1f / 6), V.Of(1));
            u = V.MultiplyAdd(near * u, V.Of(-1f / 5), V.Of(1));
            u = V.MultiplyAdd(near * u, V.Of(-1f / 4), V.Of(1));
            u = V.MultiplyAdd(near * u, V.Of(-1f / 3), V.Of(1));
            u = V.MultiplyAdd(near * u, V.Of(-1f / 2), V.Of(1)) * near;
            var (log, both) = Far(V.Max(V.Of(1), t));
            return (halfNear * u - (V.Of(2) - u) * c + (both - bothAtOne), halfNear - c + (log - logAtOne));
        }

        [MethodImpl(Inline)]
        static (V Log, V Both) Far(V t)
        {
            // log(1 + e) = 2·artanh(e/(2 + e)), e ≤ 1/2.7
            V e = Exp(V.Of(0) - t), s = e / (V.Of(2) + e), square = s * s;
            var series = V.MultiplyAdd(square, V.Of(1f / 7), V.Of(1f / 5));
            series = V.MultiplyAdd(square, series, V.Of(1f / 3));
            series = V.MultiplyAdd(square, series, V.Of(1)) * s;
            var log = V.Of(0.693147181f) - V.Of(2) * series;
            return (log, V.MultiplyAdd(log, e, log) - t * e);
        }
    }
}
