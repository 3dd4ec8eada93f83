using System.Runtime.CompilerServices;

namespace Faith.Kernels.Host;

public sealed unsafe partial class HostDevice
{
    /// <inheritdoc/>
    public override void Activate(Activation activation, Tensor u, Tensor y, Tensor slope)
    {
        RequireRows(u.Rows, y.Rows);
        RequireColumns(u.Columns, activation.Gated ? 2 * y.Columns : y.Columns);
        if (!activation.Gated && !slope.IsNone) RequireSameShape(u, slope);
        Rows(y.Rows, y.Columns, (activation, u, y, slope), static (k, in o, from, to) =>
        {
            var f = o.y.Columns;
            if (o.activation.Gated) k.Gate(o.activation, o.u.ColumnRange(0, f), o.u.ColumnRange(f, f), o.y, from, to);
            else k.Activate(o.activation, o.u, o.y, o.slope, from, to);
        });
    }

    /// <inheritdoc/>
    public override void GateBackward(Activation activation, Tensor gateUp, Tensor dy, Tensor dGateUp)
    {
        RequireRows(dy.Rows, gateUp.Rows);
        RequireColumns(gateUp.Columns, 2 * dy.Columns);
        RequireSameShape(gateUp, dGateUp);
        Rows(dy.Rows, 2 * dy.Columns, (activation, gateUp, dy, dGateUp), static (k, in o, from, to) =>
        {
            var f = o.dy.Columns;
            k.GateBackward(o.activation, o.gateUp.ColumnRange(0, f), o.gateUp.ColumnRange(f, f), o.dy, o.dGateUp.ColumnRange(0, f), o.dGateUp.ColumnRange(f, f), from, to);
        });
    }
}

internal sealed unsafe partial class RowKernels<V>
{
    /// <summary>φ(u), with its derivative or with φ(u)/u.</summary>
    interface IFunction
    {
        static abstract V Derivative(V u, out V slope);
        static abstract V Ratio(V u, out V slope);
    }

    readonly struct GeluTanh : IFunction
    {
        // tanh(√(2/π)(u + 0.044715u³)) = 2·sigmoid(2√(2/π)(u + 0.044715u³)) − 1, so gelu(u) = u·sigmoid(u·(A1 + A3·u²)).
        const float A1 = 1.5957691216f, A3 = 0.0713548163f;

        [MethodImpl(Inline)]
        public static V Derivative(V u, out V slope)
        {
            var square = u * u;
            var s = Sigmoid(u * V.MultiplyAdd(square, V.Of(A3), V.Of(A1)));
            var y = u * s;
            slope = V.MultiplyAdd(y * (V.Of(1) - s), V.MultiplyAdd(square, V.Of(3 * A3), V.Of(A1)), s);
            return y;
        }

        [MethodImpl(Inline)]
        public static V Ratio(V u, out V slope)
        {
            slope = Sigmoid(u * V.MultiplyAdd(u * u, V.Of(A3), V.Of(A1)));
            return u * slope;
        }
    }

    readonly struct Silu : IFunction
    {
        [MethodImpl(Inline)]
        public static V Derivative(V u, out V slope)
        {
            var s = Sigmoid(u);
            var y = u * s;
            slope = V.MultiplyAdd(y, V.Of(1) - s, s); // s + u·s·(1 − s)
            return y;
        }

        [MethodImpl(Inline)]
        public static V Ratio(V u, out V slope)
        {
            slope = Sigmoid(u);
            return u * slope;
        }
    }

    /// <summary>How a gradient goes back.</summary>
    interface ISlope
    {
        static abstract V Apply<F>(V u, out V slope) where F : struct, IFunction;
        static abstract void Gate<F>(V gate, V up, V d, out V dGate, out V dUp) where F : struct, IFunction;
    }

    readonly struct ByDerivative : ISlope
    {
        [MethodImpl(Inline)]
        public static V Apply<F>(V u, out V slope) where F : struct, IFunction => F.Derivative(u, out slope);

        [MethodImpl(Inline)]
        public static void Gate<F>(V gate, V up, V d, out V dGate, out V dUp) where F : struct, IFunction
        {
            var y = F.Derivative(gate, out var slope);
            dUp = d * y;
            dGate = d * up * slope;
        }
    }

    readonly struct ByRatio : ISlope
    {
        [MethodImpl(Inline)]
        public static V Apply<F>(V u, out V slope) where F : struct, IFunction => F.Ratio(u, out slope);

        [MethodImpl(Inline)]
        public static void Gate<F>(V gate, V up, V d, out V dGate, out V dUp) where F : struct, IFunction
        {
            F.Ratio(gate, out var slope);
            var half = V.Of(0.5f) * d * slope;
            dUp = half * gate;
            dGate = half * up;
        }
    }

    readonly struct GateMap<F> : IMap where F : struct, IFunction
    {
        [MethodImpl(Inline)]
        public V Apply(V gate, V up) => F.Ratio(gate, out _) * up;
    }

    public override void Activate(Activation activation, RawTensor u, RawTensor y, RawTensor slope, int from, int to)
    {
        switch (activation.Function, activation.Slope)
        {
            case (ActivationFunction.GeluTanh, ActivationSlope.Derivative): Activate<GeluTanh, ByDerivative>(u, y, slope, from, to); break;
            case (ActivationFunction.GeluTanh, _): Activate<GeluTanh, ByRatio>(u, y, slope, from, to); break;
            case (_, ActivationSlope.Derivative): Activate<Silu, ByDerivative>(u, y, slope, from, to); break;
            default: Activate<Silu, ByRatio>(u, y, slope, from, to); break;
        }
    }

    public override void Gate(Activation activation, RawTensor gate, RawTensor up, RawTensor y, int from, int to)
    {
        if (activation.Function == ActivationFunction.GeluTanh) Map(new GateMap<GeluTanh>(), gate, up, y, from, to);
        else Map(new GateMap<Silu>(), gate, up, y, from, to);
    }

    public override void GateBackward(Activation activation, RawTensor gate, RawTensor up, RawTensor dy, RawTensor dGate, RawTensor dUp, int from, int to)
    {
        switch (activation.Function, activation.Slope)
        {
            case (ActivationFunction.GeluTanh, ActivationSlope.Derivative): GateBackward<GeluTanh, ByDerivative>(gate, up, dy, dGate, dUp, from, to); break;
            case (ActivationFunction.GeluTanh, _): GateBackward<GeluTanh, ByRatio>(gate, up, dy, dGate, dUp, from, to); break;
            case (_, ActivationSlope.Derivative): GateBackward<Silu, ByDerivative>(gate, up, dy, dGate, dUp, from, to); break;
            default: GateBackward<Silu, ByRatio>(gate, up, dy, dGate, dUp, from, to); break;
        }
    }

    static void Activate<F, S>(RawTensor u, RawTensor y, RawTensor slope, int from, int to) where F : struct, IFunction where S : struct, ISlope
    {
        var none = slope.IsNone;
        if (u.IsDense && y.IsDense && (none || slope.IsDense))
        {
            ActivateRow<F, S>(u.Row(from), y.Row(from), none ? null : slope.Row(from), (long)(to - from) * u.Columns);
            return;
        }
        for (var r = from; r < to; r++) ActivateRow<F, S>(u.Row(r), y.Row(r), none ? null : slope.Row(r), u.Columns);
    }

    [MethodImpl(Hot)]
    static void ActivateRow<F, S>(float* u, float* y, float* slopes, long n) where F : struct, IFunction where S : struct, ISlope
    {
        long i = 0;
        V slope;
        for (; i <= n - V.Count; i += V.Count)
        {
            S.Apply<F>(V.Load(u + i), out slope).Store(y + i);
            if (slopes != null) slope.Store(slopes + i);
        }
        var rest = (int)(n - i);
        if (rest == 0) return;
        S.Apply<F>(V.LoadFirst(u + i, rest, 0), out slope).StoreFirst(y + i, rest);
        if (slopes != null) slope.StoreFirst(slopes + i, rest);
    }

    [MethodImpl(Hot)]
    static void GateBackward<F, S>(RawTensor gates, RawTensor ups, RawTensor dy, RawTensor dGates, RawTensor dUps, int from, int to)
        where F : struct, IFunction where S : struct, ISlope
    {
        var f = dy.Columns;
        for (var r = from; r < to; r++)
        {
            float* gate = gates.Row(r), up = ups.Row(r), d = dy.Row(r), dGate = dGates.Row(r), dUp = dUps.Row(r);
            var i = 0;
            V dg, du;
            for (; i <= f - V.Count; i += V.Count)
            {
                S.Gate<F>(V.Load(gate + i), V.Load(up + i), V.Load(d + i), out dg, out du);
                dg.Store(dGate + i);
                du.Store(dUp + i);
            }
            var rest = f - i;
            if (rest == 0) continue;
            S.Gate<F>(V.LoadFirst(gate + i, rest, 0), V.LoadFirst(up + i, rest, 0), V.LoadFirst(d + i, rest, 0), out dg, out du);
            dg.StoreFirst(dGate + i, rest);
            du.StoreFirst(dUp + i, rest);
        }
    }
}
