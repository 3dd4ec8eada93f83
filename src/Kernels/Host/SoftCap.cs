using System.Runtime.CompilerServices;

namespace Faith.Kernels.Host;

public sealed unsafe partial class HostDevice
{
    /// <inheritdoc/>
    public override void SoftCap(Tensor x, float cap, Tensor y)
    {
        RequireSameShape(x, y);
        Rows(y.Rows, y.Columns, (x, cap, y), static (k, in o, from, to) => k.SoftCap(o.x, o.cap, o.y, from, to));
    }

    /// <inheritdoc/>
    public override void SoftCapBackward(Tensor y, float cap, Tensor dy, Tensor dx)
    {
        RequireSameShape(y, dy);
        RequireSameShape(y, dx);
        Rows(y.Rows, y.Columns, (y, cap, dy, dx), static (k, in o, from, to) => k.SoftCapBackward(o.y, o.cap, o.dy, o.dx, from, to));
    }
}

internal sealed unsafe partial class RowKernels<V>
{
    /// <summary>c·tanh(scale·x/c).</summary>
    readonly struct CapMap(float scale, float cap) : IMap
    {
        [MethodImpl(Inline)]
        public V Apply(V x, V _) => V.Of(cap) * Tanh(x * V.Of(scale) / V.Of(cap), out var _);
    }

    /// <summary>Its derivative at x.</summary>
    readonly struct CapSlopeMap(float scale, float cap) : IMap
    {
        [MethodImpl(Inline)]
        public V Apply(V x, V _)
        {
            Tanh(x * V.Of(scale) / V.Of(cap), out var slope);
            return V.Of(scale) * slope;
        }
    }

    /// <summary>dy·(1 − (y/c)²).</summary>
    readonly struct CapBackwardMap(float cap) : IMap
    {
        [MethodImpl(Inline)]
        public V Apply(V y, V dy)
        {
            var t = y / V.Of(cap);
            return dy * ((V.Of(1) - t) * (V.Of(1) + t));
        }
    }

    public override void SoftCap(RawTensor x, float cap, RawTensor y, int from, int to) => Map(new CapMap(1, cap), x, x, y, from, to);

    public override void SoftCapBackward(RawTensor y, float cap, RawTensor dy, RawTensor dx, int from, int to) => Map(new CapBackwardMap(cap), y, dy, dx, from, to);
}
