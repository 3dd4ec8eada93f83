using System.Runtime.CompilerServices;

namespace Faith.Kernels.Host;

internal sealed unsafe partial class RowKernels<V>
{
    /// <summary>Σ a⊙b.</summary>
    [MethodImpl(Hot)]
    static float Dot(float* a, float* b, int n)
    {
        V s0 = V.Of(0), s1 = s0;
        var i = 0;
        for (; i <= n - 2 * V.Count; i += 2 * V.Count)
        {
            s0 = V.MultiplyAdd(V.Load(a + i), V.Load(b + i), s0);
            s1 = V.MultiplyAdd(V.Load(a + i + V.Count), V.Load(b + i + V.Count), s1);
        }
        for (; i <= n - V.Count; i += V.Count) s0 = V.MultiplyAdd(V.Load(a + i), V.Load(b + i), s0);
        if (i < n) s1 = V.MultiplyAdd(V.LoadFirst(a + i, n - i, 0), V.LoadFirst(b + i, n - i, 0), s1);
        return (s0 + s1).Sum();
    }

    public override void AccumulateSplitGradient(in SplitGradientOperands o, int from, int to)
    {
        int dh = o.HeadDim, heads = o.S.Columns;
        for (var r = from; r < to; r++)
        {
            var weight = o.Weight * *o.InverseSigma.Row(r);
            for (var h = 0; h < heads; h++)
            {
                float* g = o.Gradient.Row(r) + h * dh, alpha = o.Alpha.Row(r) + h * dh, c = o.Projection.Row(r) + h / o.Group * dh;
                var atZero = o.AtZero.IsNone ? null : (float*)o.AtZero.Pointer + h / o.Group * dh;
                o.S.Row(r)[h] = weight / o.Width * SplitHead(g, c, atZero, weight, alpha, dh);
            }
        }
    }

    /// <summary>alpha += weight·g; returns (c − atZero)·g.</summary>
    [MethodImpl(Hot)]
    static float SplitHead(float* g, float* c, float* atZero, float weight, float* alpha, int n)
    {
        V sum = V.Of(0), w = V.Of(weight);
        var i = 0;
        for (; i <= n - V.Count; i += V.Count)
        {
            V gradient = V.Load(g + i), difference = atZero == null ? V.Load(c + i) : V.Load(c + i) - V.Load(atZero + i);
            V.MultiplyAdd(w, gradient, V.Load(alpha + i)).Store(alpha + i);
            sum = V.MultiplyAdd(difference, gradient, sum);
        }
        var rest = n - i;
        if (rest > 0)
        {
            V gradient = V.LoadFirst(g + i, rest, 0), difference = V.LoadFirst(c + i, rest, 0);
            if (atZero != null) difference -= V.LoadFirst(atZero + i, rest, 0);
            V.MultiplyAdd(w, gradient, V.LoadFirst(alpha + i, rest, 0)).StoreFirst(alpha + i, rest);
            sum = V.MultiplyAdd(difference, gradient, sum);
        }
        return sum.Sum();
    }
}
