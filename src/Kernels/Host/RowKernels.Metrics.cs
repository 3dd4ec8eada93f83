using System.Runtime.CompilerServices;

namespace Faith.Kernels.Host;

internal sealed unsafe partial class RowKernels<V>
{
    public override void SparseLogits(in SparseLogitsOperands o, int from, int to)
    {
        var d = o.Y.Columns;
        for (var r = from; r < to; r++)
        {
            double value = 0;
            if (!o.Dy.IsNone) new Span<float>(o.Dy.Row(r), d).Clear();
            for (var j = o.Answers.Offsets.First()[r]; j < o.Answers.Offsets.First()[r + 1]; j++)
            {
                var token = o.Unembedding.Row(o.Answers.Tokens.First()[j]);
                var weight = ((float*)o.Answers.Weights.Pointer)[j];
                value += (double)weight * Dot(o.Y.Row(r), token, d);
                if (!o.Dy.IsNone) Map(new AddScaledMap(-weight), token, o.Dy.Row(r), o.Dy.Row(r), d);
            }
            *o.Value.Row(r) = (float)value;
        }
    }

    [MethodImpl(Hot)]
    static float Largest(float* x, int n)
    {
        var m = V.Of(float.NegativeInfinity);
        var i = 0;
        for (; i <= n - V.Count; i += V.Count) m = V.Max(m, V.Load(x + i));
        if (i < n) m = V.Max(m, V.LoadFirst(x + i, n - i, float.NegativeInfinity));
        return m.Largest();
    }

    /// <summary>Σ exp(x − largest), in short runs whose sums are added in double precision: a vocabulary is long.</summary>
    [MethodImpl(Hot)]
    static double SumOfExp(float* x, float largest, int n)
    {
        const int Run = 1024;
        double total = 0;
        var m = V.Of(largest);
        for (var start = 0; start < n; start += Run)
        {
            var end = Math.Min(n, start + Run);
            var sum = V.Of(0);
            var i = start;
            for (; i <= end - V.Count; i += V.Count) sum += Exp(V.Load(x + i) - m);
            total += sum.Sum();
            for (; i < end; i++) total += MathF.Exp(x[i] - largest);
        }
        return total;
    }

    [MethodImpl(Hot)]
    public override void SoftmaxMetric(Tensor logits, in AnswerWeights answers, Tensor value, Tensor dLogits, int from, int to)
    {
        var n = logits.Columns;
        for (var r = from; r < to; r++)
        {
            var x = logits.Row(r);
            var largest = Largest(x, n);
            var sum = SumOfExp(x, largest, n);
            int first = answers.Offsets.First()[r], end = answers.Offsets.First()[r + 1];
            var tokens = answers.Tokens.First();
            var weights = (float*)answers.Weights.Pointer;
            double metric = 0;
            for (var j = first; j < end; j++) metric += weights[j] * (Math.Exp(x[tokens[j]] - largest) / sum);
            *value.Row(r) = (float)metric;
            if (dLogits.IsNone) continue;
            // ∂(−value)/∂logit_t = p_t·(value − w_t)
            var d = dLogits.Row(r);
            V m = V.Of(largest), f = V.Of((float)(metric / sum));
            var i = 0;
            for (; i <= n - V.Count; i += V.Count) (Exp(V.Load(x + i) - m) * f).Store(d + i);
            if (i < n) (Exp(V.LoadFirst(x + i, n - i, 0) - m) * f).StoreFirst(d + i, n - i);
            for (var j = first; j < end; j++) d[tokens[j]] -= (float)(weights[j] * (Math.Exp(x[tokens[j]] - largest) / sum));
        }
    }

    public override void DivergenceMetric(Tensor logits, Tensor reference, bool jensenShannon, Tensor value, Tensor dLogits, int from, int to)
    {
        var n = logits.Columns;
        for (var r = from; r < to; r++)
        {
            float* x = logits.Row(r), y = reference.Row(r), d = dLogits.IsNone ? null : dLogits.Row(r);
            float xMax = Largest(x, n), yMax = Largest(y, n);
            double xLog = Math.Log(SumOfExp(x, xMax, n)), yLog = Math.Log(SumOfExp(y, yMax, n));
            *value.Row(r) = (float)(jensenShannon ? JensenShannon(x, y, xMax, yMax, xLog, yLog, d, n) : KullbackLeibler(x, y, xMax, yMax, xLog, yLog, d, n));
        }
    }

    /// <summary>
    /// mean p_ref·(log p_ref − log p) and its gradient (p − p_ref)/n. The difference of the logs is y − x minus a constant, most of which is taken off
    /// inside the sum and the rest, which float32 cannot hold, outside: so the value keeps its digits when it is small.
    /// </summary>
    [MethodImpl(Hot)]
    static double KullbackLeibler(float* x, float* y, float xMax, float yMax, double xLog, double yLog, float* d, int n)
    {
        const int Run = 1024;
        var constant = yMax + yLog - (xMax + xLog);
        V c = V.Of((float)constant), xm = V.Of(xMax), ym = V.Of(yMax), fx = V.Of((float)(Math.Exp(-xLog) / n)), fy = V.Of((float)(Math.Exp(-yLog) / n)), floor = V.Of(-1e30f);
        double total = 0, mass = 0;
        for (var start = 0; start < n; start += Run)
        {
            var end = Math.Min(n, start + Run);
            V sum = V.Of(0), weight = sum;
            for (var i = start; i < end; i += V.Count)
            {
                var rest = end - i;
                var whole = rest >= V.Count;
                V a = whole ? V.Load(x + i) : V.LoadFirst(x + i, rest, xMax), b = whole ? V.Load(y + i) : V.LoadFirst(y + i, rest, float.MinValue);
                // e is zero past the end and where a logit is −∞; what it is multiplied with stays finite.
                var e = Exp(b - ym);
                sum = V.MultiplyAdd(e, V.Max(b, floor) - V.Max(a, floor) - c, sum);
                weight += e;
                if (d == null) continue;
                var gradient = Exp(a - xm) * fx - e * fy;
                if (whole) gradient.Store(d + i);
                else gradient.StoreFirst(d + i, rest);
            }
            total += sum.Sum();
            mass += weight.Sum();
        }
        return (total / mass + ((float)constant - constant)) / n;
    }

    static double JensenShannon(float* x, float* y, float xMax, float yMax, double xLog, double yLog, float* d, int n)
    {
        double total = 0, mean = 0; // mean = Σ p·log(p/m), which the softmax takes off the gradient
        for (var i = 0; i < n; i++)
        {
            double logP = x[i] - xMax - xLog, logRef = y[i] - yMax - yLog, p = Math.Exp(logP), reference = Math.Exp(logRef);
            var logM = LogMean(logP, logRef);
            if (reference > 0) total += reference * (logRef - logM);
            if (p > 0) mean += p * (logP - logM);
        }
        for (var i = 0; d != null && i < n; i++)
        {
            double logP = x[i] - xMax - xLog, logRef = y[i] - yMax - yLog, p = Math.Exp(logP);
            d[i] = p > 0 ? (float)(0.5 * p * (logP - LogMean(logP, logRef) - mean) / n) : 0;
        }
        return 0.5 * (total + mean) / n;
    }

    /// <summary>log ½(eᵃ + eᵇ).</summary>
    static double LogMean(double a, double b) => Math.Max(a, b) + Math.Log(0.5 * (1 + Math.Exp(-Math.Abs(a - b))));
}
