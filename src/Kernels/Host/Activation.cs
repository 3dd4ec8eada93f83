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

    readonly struct GeluErf : IFunction
    {
        /// <summary>Φ(−|u|), the tail of the normal distribution, to about 1e-7 of itself; e = exp(−u²/2).</summary>
        [MethodImpl(Inline)]
        static V Tail(V magnitude, out V e)
        {
            e = Exp(magnitude * magnitude * V.Of(-0.5f));
            // Φ(−a)·exp(a²/2)/t as a polynomial in t = 1/(1 + 0.35a), fitted for a up to 15: beyond that e is nothing beside 1.
            var t = V.Of(1) / V.MultiplyAdd(magnitude, V.Of(0.35f), V.Of(1));
            var p = V.MultiplyAdd(V.Of(-0.029770439f), t, V.Of(0.1469509222f));
            p = V.MultiplyAdd(p, t, V.Of(-0.2617126692f));
            p = V.MultiplyAdd(p, t, V.Of(0.1658018015f));
            p = V.MultiplyAdd(p, t, V.Of(-0.02748288955f));
            p = V.MultiplyAdd(p, t, V.Of(0.107262773f));
            p = V.MultiplyAdd(p, t, V.Of(0.1194170361f));
            p = V.MultiplyAdd(p, t, V.Of(0.139914804f));
            p = V.MultiplyAdd(p, t, V.Of(0.1396186429f));
            return p * t * e;
        }

        /// <summary>gelu(u), Φ(u) and exp(−u²/2).</summary>
        [MethodImpl(Inline)]
        static V Both(V u, out V ratio, out V e)
        {
            var magnitude = V.Max(V.Of(0) - u, u);
            var tail = Tail(magnitude, out e);
            ratio = V.IfPositive(u, V.Of(1) - tail, tail);
            return u * ratio;
        }

        [MethodImpl(Inline)]
        public static V Derivative(V u, out V slope)
        {
            var y = Both(u, out var ratio, out var e);
            slope = V.MultiplyAdd(u * V.Of(0.39894228f), e, ratio); // Φ(u) + u·density(u)
            return y;
        }

        [MethodImpl(Inline)]
        public static V Ratio(V u, out V slope) => Both(u, out slope, out _);
    }

    readonly struct Relu : IFunction
    {
        [MethodImpl(Inline)]
        public static V Derivative(V u, out V slope)
        {
            slope = V.IfPositive(u, V.Of(1), V.Of(0));
            return V.Max(V.Of(0), u);
        }

        [MethodImpl(Inline)]
        public static V Ratio(V u, out V slope) => Derivative(u, out slope);
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
            var share = d * slope;
            dUp = share * gate;
            dGate = share * up;
        }
    }

    readonly struct GateMap<F> : IMap where F : struct, IFunction
    {
        [MethodImpl(Inline)]
        public V Apply(V gate, V up) => F.Ratio(gate, out _) * up;
    }

    public override void Activate(Activation activation, RawTensor u, RawTensor y, RawTensor slope, int from, int to)
    {
        switch (activation.Function)
        {
            case ActivationFunction.GeluTanh: Activate<GeluTanh>(activation.Slope, u, y, slope, from, to); break;
            case ActivationFunction.GeluErf: Activate<GeluErf>(activation.Slope, u, y, slope, from, to); break;
            case ActivationFunction.Relu: Activate<Relu>(activation.Slope, u, y, slope, from, to); break;
            default: Activate<Silu>(activation.Slope, u, y, slope, from, to); break;
        }
    }

    public override void Gate(Activation activation, RawTensor gate, RawTensor up, RawTensor y, int from, int to)
    {
        switch (activation.Function)
        {
            case ActivationFunction.GeluTanh: Map(new GateMap<GeluTanh>(), gate, up, y, from, to); break;
            case ActivationFunction.GeluErf: Map(new GateMap<GeluErf>(), gate, up, y, from, to); break;
            case ActivationFunction.Relu: Map(new GateMap<Relu>(), gate, up, y, from, to); break;
            default: Map(new GateMap<Silu>(), gate, up, y, from, to); break;
        }
    }

    public override void GateBackward(Activation activation, RawTensor gate, RawTensor up, RawTensor dy, RawTensor dGate, RawTensor dUp, int from, int to)
    {
        switch (activation.Function)
        {
            case ActivationFunction.GeluTanh: GateBackward<GeluTanh>(activation.Slope, gate, up, dy, dGate, dUp, from, to); break;
            case ActivationFunction.GeluErf: GateBackward<GeluErf>(activation.Slope, gate, up, dy, dGate, dUp, from, to); break;
            case ActivationFunction.Relu: GateBackward<Relu>(activation.Slope, gate, up, dy, dGate, dUp, from, to); break;
            default: GateBackward<Silu>(activation.Slope, gate, up, dy, dGate, dUp, from, to); break;
        }
    }

    static void Activate<F>(ActivationSlope by, RawTensor u, RawTensor y, RawTensor slope, int from, int to) where F : struct, IFunction
    {
        if (by == ActivationSlope.Derivative) Activate<F, ByDerivative>(u, y, slope, from, to);
        else Activate<F, ByRatio>(u, y, slope, from, to);
    }

    static void GateBackward<F>(ActivationSlope by, RawTensor gate, RawTensor up, RawTensor dy, RawTensor dGate, RawTensor dUp, int from, int to) where F : struct, IFunction
    {
        if (by == ActivationSlope.Derivative) GateBackward<F, ByDerivative>(gate, up, dy, dGate, dUp, from, to);
        else GateBackward<F, ByRatio>(gate, up, dy, dGate, dUp, from, to);
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
