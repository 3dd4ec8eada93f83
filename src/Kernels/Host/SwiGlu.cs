using System.Runtime.CompilerServices;

namespace Faith.Kernels.Host;

public sealed unsafe partial class HostDevice
{
    /// <inheritdoc/>
    public override void SwiGluForward(Tensor gateUp, Tensor y)
    {
        RequireRows(y.Rows, gateUp.Rows);
        RequireColumns(gateUp.Columns, 2 * y.Columns);
        Rows(y.Rows, y.Columns, (gateUp, y), static (k, in o, from, to) =>
        {
            var f = o.y.Columns;
            k.SwiGluForward(o.gateUp.ColumnRange(0, f), o.gateUp.ColumnRange(f, f), o.y, from, to);
        });
    }

    delegate void GateWork(RowKernels kernels, RawTensor gate, RawTensor up, RawTensor dy, RawTensor dGate, RawTensor dUp, int from, int to);

    /// <inheritdoc/>
    public override void SwiGluBackward(Tensor gateUp, Tensor dy, Tensor dGateUp) =>
        ForGates(gateUp, dy, dGateUp, static (kernels, gate, up, dy, dGate, dUp, from, to) => kernels.SwiGluBackward(gate, up, dy, dGate, dUp, from, to));

    /// <inheritdoc/>
    public override void SwiGluRatioBackward(Tensor gateUp, Tensor dy, Tensor dGateUp) =>
        ForGates(gateUp, dy, dGateUp, static (kernels, gate, up, dy, dGate, dUp, from, to) => kernels.SwiGluRatioBackward(gate, up, dy, dGate, dUp, from, to));

    void ForGates(RawTensor gateUp, RawTensor dy, RawTensor dGateUp, GateWork work)
    {
        RequireRows(dy.Rows, gateUp.Rows);
        RequireColumns(gateUp.Columns, 2 * dy.Columns);
        RequireSameShape(gateUp, dGateUp);
        Rows(dy.Rows, 2 * dy.Columns, (gateUp, dy, dGateUp, work), static (k, in o, from, to) =>
        {
            var f = o.dy.Columns;
            o.work(k, o.gateUp.ColumnRange(0, f), o.gateUp.ColumnRange(f, f), o.dy, o.dGateUp.ColumnRange(0, f), o.dGateUp.ColumnRange(f, f), from, to);
        });
    }
}

internal sealed unsafe partial class RowKernels<V>
{
    readonly struct SwiGluMap : IMap
    {
        [MethodImpl(Inline)]
        public V Apply(V gate, V up) => gate * Sigmoid(gate) * up;
    }

    public override void SwiGluForward(RawTensor gate, RawTensor up, RawTensor y, int from, int to) => Map(new SwiGluMap(), gate, up, y, from, to);

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

    public override void SwiGluBackward(RawTensor gates, RawTensor ups, RawTensor dy, RawTensor dGates, RawTensor dUps, int from, int to) =>
        SwiGluGradient<SwiGluDerivative>(gates, ups, dy, dGates, dUps, from, to);

    public override void SwiGluRatioBackward(RawTensor gates, RawTensor ups, RawTensor dy, RawTensor dGates, RawTensor dUps, int from, int to) =>
        SwiGluGradient<SwiGluRatio>(gates, ups, dy, dGates, dUps, from, to);

    [MethodImpl(Hot)]
    static void SwiGluGradient<F>(RawTensor gates, RawTensor ups, RawTensor dy, RawTensor dGates, RawTensor dUps, int from, int to) where F : struct, ISwiGluGradient
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
}
