using System.Runtime.CompilerServices;

namespace Faith.Kernels.Host;

/// <summary>The row kernels on registers of type <typeparamref name="V"/>, one operation a file; here is what they share.</summary>
internal sealed unsafe partial class RowKernels<V> : RowKernels where V : unmanaged, ILanes<V>
{
    const MethodImplOptions Hot = MethodImplOptions.AggressiveOptimization;
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    /// <summary>A function of up to two elements; the loops around it are written once.</summary>
    interface IMap
    {
        V Apply(V a, V b);
    }

    readonly struct AddMap : IMap
    {
        [MethodImpl(Inline)]
        public V Apply(V a, V b) => a + b;
    }

    readonly struct AddScaledMap(float scale) : IMap
    {
        [MethodImpl(Inline)]
        public V Apply(V x, V y) => V.MultiplyAdd(V.Of(scale), x, y);
    }

    readonly struct ScaleMap(float scale) : IMap
    {
        [MethodImpl(Inline)]
        public V Apply(V a, V b) => V.Of(scale) * a;
    }

    /// <summary>y[i] = f(a[i], b[i]); y may be a or b.</summary>
    [MethodImpl(Hot)]
    static void Map<F>(F f, float* a, float* b, float* y, long n) where F : struct, IMap
    {
        long i = 0;
        for (; i <= n - V.Count; i += V.Count) f.Apply(V.Load(a + i), V.Load(b + i)).Store(y + i);
        var rest = (int)(n - i);
        if (rest > 0) f.Apply(V.LoadFirst(a + i, rest, 0), V.LoadFirst(b + i, rest, 0)).StoreFirst(y + i, rest);
    }

    /// <summary>The same on rows; dense rows are one long row.</summary>
    static void Map<F>(F f, RawTensor a, RawTensor b, RawTensor y, int from, int to) where F : struct, IMap
    {
        if (a.IsDense && b.IsDense && y.IsDense)
        {
            Map(f, a.Row(from), b.Row(from), y.Row(from), (long)(to - from) * y.Columns);
            return;
        }
        for (var r = from; r < to; r++) Map(f, a.Row(r), b.Row(r), y.Row(r), y.Columns);
    }

    /// <summary>Σ x.</summary>
    [MethodImpl(Hot)]
    static float Sum(float* x, int n)
    {
        V a = V.Of(0), b = a, c = a, e = a;
        var i = 0;
        for (; i <= n - 4 * V.Count; i += 4 * V.Count)
        {
            a += V.Load(x + i);
            b += V.Load(x + i + V.Count);
            c += V.Load(x + i + 2 * V.Count);
            e += V.Load(x + i + 3 * V.Count);
        }
        for (; i <= n - V.Count; i += V.Count) a += V.Load(x + i);
        if (i < n) b += V.LoadFirst(x + i, n - i, 0);
        return (a + b + (c + e)).Sum();
    }

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

    [MethodImpl(Hot)]
    static float Largest(float* x, int n)
    {
        var m = V.Of(float.NegativeInfinity);
        var i = 0;
        for (; i <= n - V.Count; i += V.Count) m = V.Max(m, V.Load(x + i));
        if (i < n) m = V.Max(m, V.LoadFirst(x + i, n - i, float.NegativeInfinity));
        return m.Largest();
    }

    /// <summary>eˣ to about 1 ulp; 0 below −104 and finite above 88; NaN of NaN, since x stands second in both bounds.</summary>
    [MethodImpl(Inline)]
    internal static V Exp(V x)
    {
        x = V.Max(V.Of(-104f), V.Min(V.Of(88.37f), x));
        var n = V.Round(x * V.Of(1.44269504f));
        // ln 2 in two parts: the first has few enough bits that n times it is exact.
        var r = V.MultiplyAdd(n, V.Of(-0.693359375f), x);
        r = V.MultiplyAdd(n, V.Of(2.12194440e-4f), r);
        var p = V.MultiplyAdd(V.Of(1.9875691500e-4f), r, V.Of(1.3981999507e-3f));
        p = V.MultiplyAdd(p, r, V.Of(8.3334519073e-3f));
        p = V.MultiplyAdd(p, r, V.Of(4.1665795894e-2f));
        p = V.MultiplyAdd(p, r, V.Of(1.6666665459e-1f));
        p = V.MultiplyAdd(p, r, V.Of(0.5f));
        p = V.MultiplyAdd(p, r * r, r + V.Of(1));
        return V.Scale(p, n);
    }

    /// <summary>
    /// tanh x to about 2 ulp, and its derivative 1 − tanh² x: up to 0.625 by the polynomial of Moshier's Cephes library, beyond by 1 − r, r = 2/(e^2|x| + 1), whose
    /// derivative r·(2 − r) does not cancel. NaN of NaN.
    /// </summary>
    [MethodImpl(Inline)]
    static V Tanh(V x, out V slope)
    {
        var square = x * x;
        var p = V.MultiplyAdd(V.Of(-5.70498872745e-3f), square, V.Of(2.06390887954e-2f));
        p = V.MultiplyAdd(p, square, V.Of(-5.37397155531e-2f));
        p = V.MultiplyAdd(p, square, V.Of(1.33314422036e-1f));
        p = V.MultiplyAdd(p, square, V.Of(-3.33332819422e-1f));
        var small = V.MultiplyAdd(p * square, x, x);
        var magnitude = V.Max(V.Of(0) - x, x);
        var r = V.Of(2) / (Exp(magnitude + magnitude) + V.Of(1));
        var large = V.Of(1) - r;
        var isSmall = V.Of(0.625f) - magnitude;
        slope = V.IfPositive(isSmall, V.Of(1) - small * small, r * (V.Of(2) - r));
        return V.IfPositive(isSmall, small, V.IfPositive(x, large, V.Of(0) - large));
    }

    [MethodImpl(Inline)]
    static V Sigmoid(V x) => V.Of(1) / (V.Of(1) + Exp(V.Of(0) - x));
}
