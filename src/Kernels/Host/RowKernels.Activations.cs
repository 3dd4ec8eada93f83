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

    [MethodImpl(Inline)]
    static V Gelu(V u, out V derivative)
    {
        var square = u * u;
        var s = Sigmoid(u * V.MultiplyAdd(square, V.Of(A3), V.Of(A1)));
        var y = u * s;
        derivative = V.MultiplyAdd(y * (V.Of(1) - s), V.MultiplyAdd(square, V.Of(3 * A3), V.Of(A1)), s);
        return y;
    }

    public override void GeluForward(Tensor u, Tensor y, Tensor derivative, int from, int to)
    {
        var none = derivative.IsNone;
        if (u.IsDense() && y.IsDense() && (none || derivative.IsDense()))
        {
            GeluRow(u.Row(from), y.Row(from), none ? null : derivative.Row(from), (long)(to - from) * u.Columns);
            return;
        }
        for (var r = from; r < to; r++) GeluRow(u.Row(r), y.Row(r), none ? null : derivative.Row(r), u.Columns);
    }

    [MethodImpl(Hot)]
    static void GeluRow(float* u, float* y, float* derivative, long n)
    {
        long i = 0;
        V slope;
        for (; i <= n - V.Count; i += V.Count)
        {
            Gelu(V.Load(u + i), out slope).Store(y + i);
            if (derivative != null) slope.Store(derivative + i);
        }
        var rest = (int)(n - i);
        if (rest == 0) return;
        Gelu(V.LoadFirst(u + i, rest, 0), out slope).StoreFirst(y + i, rest);
        if (derivative != null) slope.StoreFirst(derivative + i, rest);
    }

    readonly struct SwiGluMap : IMap
    {
        [MethodImpl(Inline)]
        public V Apply(V gate, V up) => gate * Sigmoid(gate) * up;
    }

    public override void SwiGluForward(Tensor gate, Tensor up, Tensor y, int from, int to) => Map(new SwiGluMap(), gate, up, y, from, to);

    [MethodImpl(Hot)]
    public override void SwiGluBackward(Tensor gates, Tensor ups, Tensor dy, Tensor dGates, Tensor dUps, int from, int to)
    {
        var f = dy.Columns;
        for (var r = from; r < to; r++)
        {
            float* gate = gates.Row(r), up = ups.Row(r), d = dy.Row(r), dGate = dGates.Row(r), dUp = dUps.Row(r);
            var i = 0;
            V dg, du;
            for (; i <= f - V.Count; i += V.Count)
            {
                SwiGluGradient(V.Load(gate + i), V.Load(up + i), V.Load(d + i), out dg, out du);
                dg.Store(dGate + i);
                du.Store(dUp + i);
            }
            var rest = f - i;
            if (rest == 0) continue;
            SwiGluGradient(V.LoadFirst(gate + i, rest, 0), V.LoadFirst(up + i, rest, 0), V.LoadFirst(d + i, rest, 0), out dg, out du);
            dg.StoreFirst(dGate + i, rest);
            du.StoreFirst(dUp + i, rest);
        }
    }

    [MethodImpl(Inline)]
    static void SwiGluGradient(V gate, V up, V d, out V dGate, out V dUp)
    {
        var s = Sigmoid(gate);
        var silu = gate * s;
        dUp = d * silu;
        dGate = d * up * V.MultiplyAdd(silu, V.Of(1) - s, s); // silu′ = s + g·s·(1 − s)
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
