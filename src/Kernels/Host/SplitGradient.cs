using System.Runtime.CompilerServices;

namespace Faith.Kernels.Host;

/// <summary>Operands of <see cref="Device.AccumulateSplitGradient"/>.</summary>
internal readonly record struct SplitGradientOperands(RawTensor Gradient, RawTensor Projection, RawTensor AtZero, RawTensor InverseSigma,
    int Width, int HeadDim, int Group, float Weight, RawTensor Alpha, RawTensor S);

public sealed unsafe partial class HostDevice
{
    /// <inheritdoc/>
    public override void AccumulateSplitGradient(Tensor gradient, Tensor projection, Tensor projectionAtZero, Tensor inverseSigma,
        int width, int headDim, int group, float weight, Tensor alpha, Tensor s)
    {
        RequireSameShape(gradient, alpha);
        if (s.IsNone)
        {
            Rows(gradient.Rows, gradient.Columns, (gradient, inverseSigma, weight, alpha), static (k, in o, from, to) => k.AddScaledRows(o.gradient, o.inverseSigma, o.weight, o.alpha, from, to));
            return;
        }
        RequireColumns(gradient.Columns, s.Columns * headDim);
        RequireColumns(projection.Columns * group, gradient.Columns);
        Rows(gradient.Rows, gradient.Columns,
            new SplitGradientOperands(gradient, projection, projectionAtZero, inverseSigma, width, headDim, group, weight, alpha, s),
            static (k, in o, from, to) => k.AccumulateSplitGradient(o, from, to));
    }
}

internal sealed unsafe partial class RowKernels<V>
{
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

    public override void AddScaledRows(RawTensor x, RawTensor factors, float scale, RawTensor y, int from, int to)
    {
        for (var r = from; r < to; r++) Map(new AddScaledMap(scale * *factors.Row(r)), x.Row(r), y.Row(r), y.Row(r), x.Columns);
    }
}
