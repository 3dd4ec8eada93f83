using System.Runtime.CompilerServices;

namespace Faith.Kernels.Host;

public sealed unsafe partial class HostDevice
{
    /// <inheritdoc/>
    public override void Fill(Tensor x, float value) =>
        Rows(x.Rows, x.Columns, (x, value), static (k, in o, from, to) => k.Fill(o.x, o.value, from, to));

    /// <inheritdoc/>
    public override void Copy(Tensor x, Tensor y)
    {
        RequireSameShape(x, y);
        Rows(x.Rows, x.Columns, (x, y), static (k, in o, from, to) => k.Copy(o.x, o.y, from, to));
    }

    /// <inheritdoc/>
    public override void AddScaled(Tensor x, float scale, Tensor y)
    {
        RequireSameShape(x, y);
        Rows(x.Rows, x.Columns, (x, scale, y), static (k, in o, from, to) => k.AddScaled(o.x, o.scale, o.y, from, to));
    }

    /// <inheritdoc/>
    public override void Scale(Tensor x, float factor) =>
        Rows(x.Rows, x.Columns, (x, factor), static (k, in o, from, to) => k.Scale(o.x, o.factor, from, to));

    /// <inheritdoc/>
    public override void Subtract(Tensor a, Tensor b, Tensor y)
    {
        RequireSameShape(a, b);
        RequireSameShape(a, y);
        Rows(a.Rows, a.Columns, (a, b, y), static (k, in o, from, to) => k.Subtract(o.a, o.b, o.y, from, to));
    }

    /// <inheritdoc/>
    public override void Interpolate(Tensor corrupted, Tensor clean, float alpha, Tensor y)
    {
        RequireSameShape(corrupted, clean);
        RequireSameShape(corrupted, y);
        if (alpha == 0) Copy(corrupted, y);
        else if (alpha == 1) Copy(clean, y);
        else
            Rows(y.Rows, y.Columns, (corrupted, clean, alpha, y), static (k, in o, from, to) => k.Interpolate(o.corrupted, o.clean, o.alpha, o.y, from, to));
    }

    /// <inheritdoc/>
    public override void MultiplyElements(Tensor a, Tensor b, Tensor y)
    {
        RequireSameShape(a, b);
        RequireSameShape(a, y);
        Rows(a.Rows, a.Columns, (a, b, y), static (k, in o, from, to) => k.MultiplyElements(o.a, o.b, o.y, from, to));
    }
}

internal sealed unsafe partial class RowKernels<V>
{
    readonly struct SubtractMap : IMap
    {
        [MethodImpl(Inline)]
        public V Apply(V a, V b) => a - b;
    }

    readonly struct MultiplyMap : IMap
    {
        [MethodImpl(Inline)]
        public V Apply(V a, V b) => a * b;
    }

    readonly struct InterpolateMap(float alpha) : IMap
    {
        [MethodImpl(Inline)]
        public V Apply(V corrupted, V clean) => V.MultiplyAdd(V.Of(alpha), clean - corrupted, corrupted);
    }

    public override void Fill(RawTensor x, float value, int from, int to)
    {
        for (var r = from; r < to; r++) new Span<float>(x.Row(r), x.Columns).Fill(value);
    }

    public override void Copy(RawTensor x, RawTensor y, int from, int to)
    {
        for (var r = from; r < to; r++) new Span<float>(x.Row(r), x.Columns).CopyTo(new Span<float>(y.Row(r), x.Columns));
    }

    public override void AddScaled(RawTensor x, float scale, RawTensor y, int from, int to) => Map(new AddScaledMap(scale), x, y, y, from, to);

    public override void Scale(RawTensor x, float factor, int from, int to) => Map(new ScaleMap(factor), x, x, x, from, to);

    public override void Subtract(RawTensor a, RawTensor b, RawTensor y, int from, int to) => Map(new SubtractMap(), a, b, y, from, to);

    public override void MultiplyElements(RawTensor a, RawTensor b, RawTensor y, int from, int to) => Map(new MultiplyMap(), a, b, y, from, to);

    public override void Interpolate(RawTensor corrupted, RawTensor clean, float alpha, RawTensor y, int from, int to) =>
        Map(new InterpolateMap(alpha), corrupted, clean, y, from, to);
}
