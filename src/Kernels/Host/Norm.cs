using System.Runtime.CompilerServices;

namespace Faith.Kernels.Host;

/// <summary>Operands of <see cref="Device.NormForward"/>.</summary>
internal readonly record struct NormOperands(RawTensor X, RawTensor Scale, RawTensor Shift, float Epsilon, bool Centred, RawTensor Y, RawTensor Xhat, RawTensor InverseSigma);

public sealed unsafe partial class HostDevice
{
    /// <inheritdoc/>
    public override void NormForward(Tensor x, Tensor scale, Tensor shift, float epsilon, bool centred, Tensor y, Tensor xhat, Tensor inverseSigma)
    {
        RequireSameShape(x, y);
        RequireParts(x.Columns, scale.Columns, inverseSigma.IsNone ? 1 : inverseSigma.Columns);
        if (!inverseSigma.IsNone) RequireColumns(inverseSigma.Columns * scale.Columns, x.Columns);
        Rows(x.Rows, x.Columns, new NormOperands(x, scale, shift, epsilon, centred, y, xhat, inverseSigma),
            static (k, in o, from, to) => k.NormForward(o, from, to));
    }

    /// <inheritdoc/>
    public override void NormBackward(Tensor dy, Tensor scale, Tensor xhat, Tensor inverseSigma, bool centred, bool add, Tensor dx)
    {
        if (!xhat.IsNone) RequireColumns(xhat.Columns, inverseSigma.Columns * scale.Columns);
        RequireSameShape(dy, dx);
        RequireParts(dy.Columns, scale.Columns, inverseSigma.Columns);
        Rows(dy.Rows, dy.Columns, (dy, scale, xhat, inverseSigma, centred, add, dx), static (k, in o, from, to) =>
            k.NormBackward(o.dy, o.scale, o.xhat, o.inverseSigma, o.centred, o.add, o.dx, from, to));
    }

    /// <inheritdoc/>
    public override void NormDifferential(Tensor dx, Tensor scale, Tensor xhat, Tensor inverseSigma, bool centred, Tensor y)
    {
        if (!xhat.IsNone) RequireRows(xhat.Rows, inverseSigma.Rows);
        if (!xhat.IsNone) RequireColumns(xhat.Columns, dx.Columns);
        RequireSameShape(dx, y);
        RequireColumns(scale.Columns, dx.Columns);
        Rows(dx.Rows, dx.Columns, (dx, scale, xhat, inverseSigma, centred, y), static (k, in o, from, to) =>
            k.NormDifferential(o.dx, o.scale, o.xhat, o.inverseSigma, o.centred, o.y, from, to));
    }

    /// <summary>Fails unless columns are whole groups of as many parts of a width.</summary>
    static void RequireParts(int columns, int width, int parts)
    {
        if (columns % ((long)width * parts) != 0) throw new ArgumentException($"{columns} columns are not {parts} parts of {width}.");
    }
}

internal sealed unsafe partial class RowKernels<V>
{
    /// <summary>Σ (x − mean)².</summary>
    [MethodImpl(Hot)]
    static float SumOfSquares(float* x, float mean, int n)
    {
        V a = V.Of(0), b = a, c = a, e = a, m = V.Of(mean);
        var i = 0;
        for (; i <= n - 4 * V.Count; i += 4 * V.Count)
        {
            V x0 = V.Load(x + i) - m, x1 = V.Load(x + i + V.Count) - m;
            V x2 = V.Load(x + i + 2 * V.Count) - m, x3 = V.Load(x + i + 3 * V.Count) - m;
            a = V.MultiplyAdd(x0, x0, a);
            b = V.MultiplyAdd(x1, x1, b);
            c = V.MultiplyAdd(x2, x2, c);
            e = V.MultiplyAdd(x3, x3, e);
        }
        for (; i <= n - V.Count; i += V.Count)
        {
            var x0 = V.Load(x + i) - m;
            a = V.MultiplyAdd(x0, x0, a);
        }
        if (i < n)
        {
            var x0 = V.LoadFirst(x + i, n - i, mean) - m;
            b = V.MultiplyAdd(x0, x0, b);
        }
        return (a + b + (c + e)).Sum();
    }

    public override void NormForward(in NormOperands o, int from, int to)
    {
        int d = o.Scale.Columns, parts = o.X.Columns / d;
        var shift = o.Shift.IsNone ? null : (float*)o.Shift.Pointer;
        for (var r = from; r < to; r++)
        {
            for (var part = 0; part < parts; part++)
            {
                var x = o.X.Row(r) + part * d;
                var mean = o.Centred ? Sum(x, d) / d : 0;
                var inverse = 1 / MathF.Sqrt(SumOfSquares(x, mean, d) / d + o.Epsilon);
                if (!o.InverseSigma.IsNone) o.InverseSigma.Row(r)[part] = inverse;
                Normalize(x, mean, inverse, (float*)o.Scale.Pointer, shift, o.Y.Row(r) + part * d, o.Xhat.IsNone ? null : o.Xhat.Row(r) + part * d, d);
            }
        }
    }

    /// <summary>x̂ = (x − mean)·inverse, y = scale⊙x̂ + shift.</summary>
    [MethodImpl(Hot)]
    static void Normalize(float* x, float mean, float inverse, float* scale, float* shift, float* y, float* xhat, int d)
    {
        V m = V.Of(mean), f = V.Of(inverse);
        var i = 0;
        for (; i <= d - V.Count; i += V.Count)
        {
            var h = (V.Load(x + i) - m) * f;
            if (xhat != null) h.Store(xhat + i);
            V.MultiplyAdd(V.Load(scale + i), h, shift == null ? V.Of(0) : V.Load(shift + i)).Store(y + i);
        }
        var rest = d - i;
        if (rest == 0) return;
        var last = (V.LoadFirst(x + i, rest, 0) - m) * f;
        if (xhat != null) last.StoreFirst(xhat + i, rest);
        V.MultiplyAdd(V.LoadFirst(scale + i, rest, 0), last, shift == null ? V.Of(0) : V.LoadFirst(shift + i, rest, 0)).StoreFirst(y + i, rest);
    }

    [MethodImpl(Hot)]
    public override void NormBackward(RawTensor dy, RawTensor scale, RawTensor xhat, RawTensor inverseSigma, bool centred, bool add, RawTensor dx, int from, int to)
    {
        int d = scale.Columns, parts = dy.Columns / d, copies = parts / inverseSigma.Columns;
        var gamma = (float*)scale.Pointer;
        for (var r = from; r < to; r++)
        {
            for (var part = 0; part < parts; part++)
            {
                var (known, at) = (part / copies, part * d);
                var inverse = inverseSigma.Row(r)[known];
                if (xhat.IsNone) NormBackward(dy.Row(r) + at, gamma, inverse, centred, add, dx.Row(r) + at, d);
                else NormBackward(dy.Row(r) + at, gamma, xhat.Row(r) + known * d, inverse, centred, add, dx.Row(r) + at, d);
            }
        }
    }

    /// <summary>One part of a row: dx (= or +=) (γ⊙dy − mean(γ⊙dy)·[centred] − x̂·mean(γ⊙dy⊙x̂))/σ.</summary>
    [MethodImpl(Hot)]
    static void NormBackward(float* g, float* gamma, float* xh, float inverse, bool centred, bool add, float* result, int d)
    {
        V s0 = V.Of(0), s1 = s0, p0 = s0, p1 = s0;
        var i = 0;
        for (; i <= d - 2 * V.Count; i += 2 * V.Count)
        {
            V h0 = V.Load(g + i) * V.Load(gamma + i), h1 = V.Load(g + i + V.Count) * V.Load(gamma + i + V.Count);
            s0 += h0;
            s1 += h1;
            p0 = V.MultiplyAdd(h0, V.Load(xh + i), p0);
            p1 = V.MultiplyAdd(h1, V.Load(xh + i + V.Count), p1);
        }
        for (; i < d; i += V.Count)
        {
            var n = d - i;
            var whole = n >= V.Count;
            var h = whole ? V.Load(g + i) * V.Load(gamma + i) : V.LoadFirst(g + i, n, 0) * V.LoadFirst(gamma + i, n, 0);
            s0 += h;
            p0 = V.MultiplyAdd(h, whole ? V.Load(xh + i) : V.LoadFirst(xh + i, n, 0), p0);
        }
        V f = V.Of(inverse), mean = V.Of(centred ? (s0 + s1).Sum() / d : 0), slope = V.Of((p0 + p1).Sum() / d);
        for (i = 0; i <= d - V.Count; i += V.Count)
        {
            var value = (V.Load(g + i) * V.Load(gamma + i) - mean - V.Load(xh + i) * slope) * f;
            (add ? V.Load(result + i) + value : value).Store(result + i);
        }
        var rest = d - i;
        if (rest == 0) return;
        var last = (V.LoadFirst(g + i, rest, 0) * V.LoadFirst(gamma + i, rest, 0) - mean - V.LoadFirst(xh + i, rest, 0) * slope) * f;
        (add ? V.LoadFirst(result + i, rest, 0) + last : last).StoreFirst(result + i, rest);
    }

    /// <summary>The same with σ constant: dx (= or +=) (γ⊙dy − mean(γ⊙dy)·[centred])/σ.</summary>
    [MethodImpl(Hot)]
    static void NormBackward(float* dy, float* gamma, float inverse, bool centred, bool add, float* dx, int d)
    {
        V f = V.Of(inverse), mean = V.Of(centred ? Dot(dy, gamma, d) / d : 0);
        var i = 0;
        for (; i <= d - V.Count; i += V.Count)
        {
            var value = (V.Load(dy + i) * V.Load(gamma + i) - mean) * f;
            (add ? V.Load(dx + i) + value : value).Store(dx + i);
        }
        var rest = d - i;
        if (rest == 0) return;
        var last = (V.LoadFirst(dy + i, rest, 0) * V.LoadFirst(gamma + i, rest, 0) - mean) * f;
        (add ? V.LoadFirst(dx + i, rest, 0) + last : last).StoreFirst(dx + i, rest);
    }

    [MethodImpl(Hot)]
    public override void NormDifferential(RawTensor dx, RawTensor scale, RawTensor xhat, RawTensor inverseSigma, bool centred, RawTensor y, int from, int to)
    {
        var d = dx.Columns;
        var gamma = (float*)scale.Pointer;
        for (var r = from; r < to; r++)
        {
            var known = r % inverseSigma.Rows;
            float* x = dx.Row(r), result = y.Row(r), along = xhat.IsNone ? null : xhat.Row(known);
            V f = V.Of(*inverseSigma.Row(known)), mean = V.Of(centred ? Sum(x, d) / d : 0), slope = V.Of(along == null ? 0 : Dot(x, along, d) / d);
            var i = 0;
            for (; i <= d - V.Count; i += V.Count)
            {
                var value = V.Load(x + i) - mean;
                if (along != null) value -= V.Load(along + i) * slope;
                (value * f * V.Load(gamma + i)).Store(result + i);
            }
            var rest = d - i;
            if (rest == 0) continue;
            var last = V.LoadFirst(x + i, rest, 0) - mean;
            if (along != null) last -= V.LoadFirst(along + i, rest, 0) * slope;
            (last * f * V.LoadFirst(gamma + i, rest, 0)).StoreFirst(result + i, rest);
        }
    }
}
