using System.Runtime.CompilerServices;

namespace Faith.Kernels.Host;

internal sealed unsafe partial class RowKernels<V>
{
    // tanh(√(2/π)(u + 0.044715u³)) = 2·sigmoid(2√(2/π)(u + 0.044715u³)) − 1, so gelu(u) = u·sigmoid(u·(A1 + A3·u²)).
    const float A1 = 1.5957691216f, A3 = 0.0713548163f;

    /// <summary>eˣ to about 1 ulp; 0 below −104 and finite above 88.</summary>
    [MethodImpl(Inline)]
    internal static V Exp(V x)
    {
        x = V.Max(V.Min(x, V.Of(88.37f)), V.Of(-104f));
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

    [MethodImpl(Inline)]
    static V Sigmoid(V x) => V.Of(1) / (V.Of(1) + Exp(V.Of(0) - x));

    /// <summary>gelu(u), and by what a gradient is multiplied on its way back.</summary>
    interface IGelu
    {
        static abstract V Apply(V u, out V factor);
    }

    readonly struct GeluDerivative : IGelu
    {
        [MethodImpl(Inline)]
        public static V Apply(V u, out V factor)
        {
            var square = u * u;
            var s = Sigmoid(u * V.MultiplyAdd(square, V.Of(A3), V.Of(A1)));
            var y = u * s;
            factor = V.MultiplyAdd(y * (V.Of(1) - s), V.MultiplyAdd(square, V.Of(3 * A3), V.Of(A1)), s);
            return y;
        }
    }

    readonly struct GeluRatio : IGelu
    {
        [MethodImpl(Inline)]
        public static V Apply(V u, out V factor)
        {
            factor = Sigmoid(u * V.MultiplyAdd(u * u, V.Of(A3), V.Of(A1)));
            return u * factor;
        }
    }

    public override void GeluForward(Tensor u, Tensor y, Tensor derivative, int from, int to) => Gelu<GeluDerivative>(u, y, derivative, from, to);

    public override void GeluRatioForward(Tensor u, Tensor y, Tensor ratio, int from, int to) => Gelu<GeluRatio>(u, y, ratio, from, to);

    static void Gelu<F>(Tensor u, Tensor y, Tensor factor, int from, int to) where F : struct, IGelu
    {
        var none = factor.IsNone;
        if (u.IsDense() && y.IsDense() && (none || factor.IsDense()))
        {
            GeluRow<F>(u.Row(from), y.Row(from), none ? null : factor.Row(from), (long)(to - from) * u.Columns);
            return;
        }
        for (var r = from; r < to; r++) GeluRow<F>(u.Row(r), y.Row(r), none ? null : factor.Row(r), u.Columns);
    }

    [MethodImpl(Hot)]
    static void GeluRow<F>(float* u, float* y, float* factor, long n) where F : struct, IGelu
    {
        long i = 0;
        V slope;
        for (; i <= n - V.Count; i += V.Count)
        {
            F.Apply(V.Load(u + i), out slope).Store(y + i);
            if (factor != null) slope.Store(factor + i);
        }
        var rest = (int)(n - i);
        if (rest == 0) return;
        F.Apply(V.LoadFirst(u + i, rest, 0), out slope).StoreFirst(y + i, rest);
        if (factor != null) slope.StoreFirst(factor + i, rest);
    }

    readonly struct SwiGluMap : IMap
    {
        [MethodImpl(Inline)]
        public V Apply(V gate, V up) => gate * Sigmoid(gate) * up;
    }

    public override void SwiGluForward(Tensor gate, Tensor up, Tensor y, int from, int to) => Map(new SwiGluMap(), gate, up, y, from, to);

    /// <summary>What a gradient of silu(gate)·up becomes at gate and up.</summary>
    interface ISwiGluGradient
    {
        static abstract void Apply(V gate, V up, V d, out V dGate, out V dUp);
    }

    readonly struct SwiGluDerivative : ISwiGluGradient
    {
        [MethodImpl(Inline)]
        public static void Apply(V gate, V up, V d, out V dGate, out V dUp)
        {
            var s = Sigmoid(gate);
            var silu = gate * s;
            dUp = d * silu;
            dGate = d * up * V.MultiplyAdd(silu, V.Of(1) - s, s); // silu′ = s + g·s·(1 − s)
        }
    }

    readonly struct SwiGluRatio : ISwiGluGradient
    {
        [MethodImpl(Inline)]
        public static void Apply(V gate, V up, V d, out V dGate, out V dUp)
        {
            var half = V.Of(0.5f) * d * Sigmoid(gate); // silu(g)/g = s
            dUp = half * gate;
            dGate = half * up;
        }
    }

    public override void SwiGluBackward(Tensor gates, Tensor ups, Tensor dy, Tensor dGates, Tensor dUps, int from, int to) =>
        SwiGluGradient<SwiGluDerivative>(gates, ups, dy, dGates, dUps, from, to);

    public override void SwiGluRatioBackward(Tensor gates, Tensor ups, Tensor dy, Tensor dGates, Tensor dUps, int from, int to) =>
        SwiGluGradient<SwiGluRatio>(gates, ups, dy, dGates, dUps, from, to);

    [MethodImpl(Hot)]
    static void SwiGluGradient<F>(Tensor gates, Tensor ups, Tensor dy, Tensor dGates, Tensor dUps, int from, int to) where F : struct, ISwiGluGradient
    {
        var f = dy.Columns;
        for (var r = from; r < to; r++)
        {
            float* gate = gates.Row(r), up = ups.Row(r), d = dy.Row(r), dGate = dGates.Row(r), dUp = dUps.Row(r);
            var i = 0;
            V dg, du;
            for (; i <= f - V.Count; i += V.Count)
            {
                F.Apply(V.Load(gate + i), V.Load(up + i), V.Load(d + i), out dg, out du);
                dg.Store(dGate + i);
                du.Store(dUp + i);
            }
            var rest = f - i;
            if (rest == 0) continue;
            F.Apply(V.LoadFirst(gate + i, rest, 0), V.LoadFirst(up + i, rest, 0), V.LoadFirst(d + i, rest, 0), out dg, out du);
            dg.StoreFirst(dGate + i, rest);
            du.StoreFirst(dUp + i, rest);
        }
    }

    public override void Rotary(in RotaryOperands o, int from, int to)
    {
        int half = o.Cosines.Columns, heads = o.X.Columns / o.HeadDim;
        for (var r = from; r < to; r++)
        {
            var position = o.Positions.First()[r];
            float* cos = o.Cosines.Row(position), sin = o.Sines.Row(position);
            for (var h = 0; h < heads; h++)
            {
                float* x = o.X.Row(r) + h * o.HeadDim, y = o.Y.Row(r) + h * o.HeadDim;
                Turn(x, y, cos, sin, o.Inverse ? -1 : 1, half);
                var untouched = o.HeadDim - 2 * half;
                if (untouched > 0 && x != y) new Span<float>(x + 2 * half, untouched).CopyTo(new Span<float>(y + 2 * half, untouched));
            }
        }
    }

    [MethodImpl(Hot)]
    static void Turn(float* x, float* y, float* cos, float* sin, float sign, int half)
    {
        var direction = V.Of(sign);
        var i = 0;
        for (; i <= half - V.Count; i += V.Count)
        {
            V a = V.Load(x + i), b = V.Load(x + half + i), c = V.Load(cos + i), s = V.Load(sin + i) * direction;
            (a * c - b * s).Store(y + i);
            (b * c + a * s).Store(y + half + i);
        }
        var n = half - i;
        if (n == 0) return;
        V a1 = V.LoadFirst(x + i, n, 0), b1 = V.LoadFirst(x + half + i, n, 0), c1 = V.LoadFirst(cos + i, n, 0), s1 = V.LoadFirst(sin + i, n, 0) * direction;
        (a1 * c1 - b1 * s1).StoreFirst(y + i, n);
        (b1 * c1 + a1 * s1).StoreFirst(y + half + i, n);
    }
}
