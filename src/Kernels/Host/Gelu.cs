using System.Runtime.CompilerServices;

namespace Faith.Kernels.Host;

public sealed unsafe partial class HostDevice
{
    /// <inheritdoc/>
    public override void GeluForward(Tensor u, Tensor y, Tensor derivative)
    {
        RequireSameShape(u, y);
        if (!derivative.IsNone) RequireSameShape(u, derivative);
        Rows(u.Rows, u.Columns, (u, y, derivative), static (k, in o, from, to) => k.GeluForward(o.u, o.y, o.derivative, from, to));
    }

    /// <inheritdoc/>
    public override void GeluRatioForward(Tensor u, Tensor y, Tensor ratio)
    {
        RequireSameShape(u, y);
        RequireSameShape(u, ratio);
        Rows(u.Rows, u.Columns, (u, y, ratio), static (k, in o, from, to) => k.GeluRatioForward(o.u, o.y, o.ratio, from, to));
    }
}

internal sealed unsafe partial class RowKernels<V>
{
    // tanh(√(2/π)(u + 0.044715u³)) = 2·sigmoid(2√(2/π)(u + 0.044715u³)) − 1, so gelu(u) = u·sigmoid(u·(A1 + A3·u²)).
    const float A1 = 1.5957691216f, A3 = 0.0713548163f;

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

    public override void GeluForward(RawTensor u, RawTensor y, RawTensor derivative, int from, int to) => Gelu<GeluDerivative>(u, y, derivative, from, to);

    public override void GeluRatioForward(RawTensor u, RawTensor y, RawTensor ratio, int from, int to) => Gelu<GeluRatio>(u, y, ratio, from, to);

    static void Gelu<F>(RawTensor u, RawTensor y, RawTensor factor, int from, int to) where F : struct, IGelu
    {
        var none = factor.IsNone;
        if (u.IsDense && y.IsDense && (none || factor.IsDense))
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
}
