using Faith.Kernels.Cuda;

namespace Faith.Kernels.Tests.Cuda;

/// <summary>Rows, elements, activations, rotary embedding. Sizes stand at block size ± 1 and cross it; strided operands have gaps of NaN.</summary>
internal static class ElementCases
{
    internal static readonly Activation Gelu = new(ActivationFunction.GeluTanh, Gated: false), Silu = new(ActivationFunction.Silu, Gated: true);

    // rows, columns, stride
    private static readonly (int Rows, int Columns, int Stride)[] Shapes = [(1, 1, 1), (3, 7, 9), (2, 1023, 1023), (1, 1025, 1025),
        (5, 1030, 1032), (4, 64, 64)];

    public static IEnumerable<OpCase> All =>
    [
        new("MultiplyAdds", "the probe", c =>
        {
            const int blocks = 2, rounds = 3;
            var y = c.Arena.New(blocks, CudaDevice.ProbeThreads);
            ((CudaDevice)c.Device).MultiplyAdds(y, rounds);
            return [Outcome.Sum("sums of chains", c.Arena.Get(y), [.. Enumerable.Range(0, blocks * CudaDevice.ProbeThreads).Select(i => Enumerable.Range(0, 8).Sum(chain =>
            {
                var sum = 0.001 * (i % CudaDevice.ProbeThreads + chain);
                for (var step = 0; step < 16 * rounds; step++) sum = sum * 0.999f + 0.001f;
                return sum;
            }))])];
        }),
        .. Each("Fill", (c, s) =>
        {
            var y = c.Arena.New(s.Rows, s.Columns, s.Stride);
            c.Device.Fill(y, 1.5f);
            return [Outcome.Exact("x", c.Arena.Get(y), [.. Enumerable.Repeat(1.5, s.Rows * s.Columns)])];
        }),
        .. Each("Copy", (c, s) =>
        {
            var (x, dx) = c.Random(s.Rows, s.Columns, s.Stride);
            var y = c.Arena.New(s.Rows, s.Columns);
            c.Device.Copy(dx, y);
            return [Outcome.Exact("y", c.Arena.Get(y), Reference.Map(x, v => v))];
        }),
        .. Each("AddScaled", (c, s) =>
        {
            var (x, dx) = c.Random(s.Rows, s.Columns, s.Stride);
            var (y, dy) = c.Random(s.Rows, s.Columns, s.Stride);
            c.Device.AddScaled(dx, -0.3f, dy);
            return [Outcome.Element("y", c.Arena.Get(dy), Reference.Map(x, y, (a, b) => b + (double)-0.3f * a), absolute: 1e-7)];
        }),
        .. Each("AddScaled", (c, s) =>
        {
            var (x, dx) = c.Random(s.Rows, s.Columns, s.Stride);
            var (y, dy) = c.Random(s.Rows, s.Columns, s.Stride);
            c.Device.AddScaled(dx, -1, dy);
            return [Outcome.Element("y − x", c.Arena.Get(dy), Reference.Map(x, y, (a, b) => b - a), absolute: 1e-7)];
        }),
        .. Each("Subtract", (c, s) =>
        {
            var (a, da) = c.Random(s.Rows, s.Columns, s.Stride);
            var (b, db) = c.Random(s.Rows, s.Columns);
            var y = c.Arena.New(s.Rows, s.Columns, s.Stride);
            c.Device.Subtract(da, db, y);
            return [Outcome.Element("y", c.Arena.Get(y), Reference.Map(a, b, (u, v) => u - v), absolute: 1e-7)];
        }),
        .. Each("MultiplyElements", (c, s) =>
        {
            var (a, da) = c.Random(s.Rows, s.Columns, s.Stride);
            var (b, db) = c.Random(s.Rows, s.Columns, s.Stride);
            c.Device.MultiplyElements(da, db, da);
            return [Outcome.Element("du", c.Arena.Get(da), Reference.Map(a, b, (u, v) => u * v))];
        }),
        .. Each("Interpolate", (c, s) =>
        {
            // Large and small values together: with rounding, a + 1·(b − a) would not be b.
            var (a, da) = c.Random(s.Rows, s.Columns, s.Stride, 1e6f);
            var (b, db) = c.Random(s.Rows, s.Columns, s.Stride, 1e-3f);
            float[] At(float alpha)
            {
                var t = c.Arena.New(s.Rows, s.Columns, s.Stride);
                c.Device.Interpolate(da, db, alpha, t);
                return c.Arena.Get(t);
            }
            return [Outcome.Exact("alpha 0", At(0), Reference.Map(a, v => v)), Outcome.Exact("alpha 1", At(1), Reference.Map(b, v => v)),
                Outcome.Element("alpha 0.3", At(0.3f), Reference.Map(a, b, (u, v) => u + 0.3f * ((double)v - u)))];
        }),
        .. Each("Activate", (c, s) =>
        {
            var (u, du) = c.Random(s.Rows, s.Columns, s.Stride, 12);
            var derivative = c.Arena.New(s.Rows, s.Columns);
            var other = c.Arena.New(s.Rows, s.Columns);
            c.Device.Activate(Gelu, du, other, default);
            c.Device.Activate(Gelu, du, du, derivative);
            return [Outcome.Element("y without derivative", c.Arena.Get(other), Reference.Map(u, Reference.Gelu), 4e-6, 1e-12),
                Outcome.Element("y in place", c.Arena.Get(du), Reference.Map(u, Reference.Gelu), 4e-6, 1e-12),
                Outcome.Element("derivative", c.Arena.Get(derivative), Reference.Map(u, Reference.GeluSlope), 4e-6, 3e-7)];
        }),
        new("Activate", "extreme values", c =>
        {
            float[] u = [0f, -0f, 1e-20f, -1e-20f, 100f, -100f, 1e10f, -1e10f, 1e30f, -1e30f];
            var (du, y, derivative) = (c.Arena.Put(u, 1, 10), c.Arena.New(1, 10), c.Arena.New(1, 10));
            c.Device.Activate(Gelu, du, y, derivative);
            return [Outcome.Element("y", c.Arena.Get(y), [0, 0, 5e-21, -5e-21, 100, 0, 1e10f, 0, 1e30f, 0], absolute: 1e-3),
                Outcome.Element("derivative", c.Arena.Get(derivative), [0.5, 0.5, 0.5, 0.5, 1, 0, 1, 0, 1, 0], absolute: 1e-6)];
        }),
        .. Each("Activate", (c, s) =>
        {
            var (u, du) = c.Random(s.Rows, s.Columns, s.Stride, 12);
            var ratio = c.Arena.New(s.Rows, s.Columns);
            c.Device.Activate(Gelu with { Slope = ActivationSlope.Ratio }, du, du, ratio);
            return [Outcome.Element("y in place", c.Arena.Get(du), Reference.Map(u, Reference.Gelu), 4e-6, 1e-12),
                Outcome.Element("ratio", c.Arena.Get(ratio), Reference.Map(u, Reference.GeluRatio), 4e-6, 1e-12)];
        }),
        new("Activate", "by ratio, extreme values", c =>
        {
            float[] u = [0f, -0f, 1e-20f, -1e-20f, 100f, -100f, 1e10f, -1e10f, 1e30f, -1e30f];
            var (du, y, ratio) = (c.Arena.Put(u, 1, 10), c.Arena.New(1, 10), c.Arena.New(1, 10));
            c.Device.Activate(Gelu with { Slope = ActivationSlope.Ratio }, du, y, ratio);
            return [Outcome.Element("ratio", c.Arena.Get(ratio), [0.5, 0.5, 0.5, 0.5, 1, 0, 1, 0, 1, 0], absolute: 1e-6)];
        }),
        .. Each("Activate", (c, s) =>
        {
            var (x, dx) = c.Random(s.Rows, 2 * s.Columns, 2 * s.Stride, 8);
            var y = c.Arena.New(s.Rows, s.Columns, s.Stride);
            c.Device.Activate(Silu, dx, y, default);
            return [Outcome.Element("y", c.Arena.Get(y), Reference.SwiGlu(x, s.Rows, s.Columns), 4e-6)];
        }),
        .. Each("GateBackward", (c, s) =>
        {
            var (x, dx) = c.Random(s.Rows, 2 * s.Columns, 2 * s.Stride, 8);
            var (dy, ddy) = c.Random(s.Rows, s.Columns, s.Stride);
            c.Device.GateBackward(Silu, dx, ddy, dx);
            return [Outcome.Element("dGateUp in place", c.Arena.Get(dx), Reference.SwiGluGradient(x, dy, s.Rows, s.Columns), 4e-6, 3e-6)];
        }),
        .. Each("GateBackward", (c, s) =>
        {
            var (x, dx) = c.Random(s.Rows, 2 * s.Columns, 2 * s.Stride, 8);
            var (dy, ddy) = c.Random(s.Rows, s.Columns, s.Stride);
            c.Device.GateBackward(Silu with { Slope = ActivationSlope.Ratio }, dx, ddy, dx);
            return [Outcome.Element("dGateUp in place", c.Arena.Get(dx), Reference.SwiGluRatioGradient(x, dy, s.Rows, s.Columns), 4e-6, 3e-6)];
        }),
        .. Each("GatherRows", (c, s) =>
        {
            var (table, dTable) = c.Random(6, s.Columns, s.Stride);
            var rows = Enumerable.Range(0, s.Rows).Select(_ => c.Next(6)).ToArray();
            var y = c.Arena.New(s.Rows, s.Columns, s.Stride);
            c.Device.GatherRows(dTable, c.Arena.Put(rows), 2.5f, y);
            return [Outcome.Element("y", c.Arena.Get(y), [.. rows.SelectMany(r =>
                Reference.Row(table, r, s.Columns).Select(v => 2.5 * v))])];
        }),
        .. Each("GatherRows", (c, s) =>
        {
            var (table, dTable) = c.Random(6, s.Columns, s.Stride);
            var (y, dy) = c.Random(s.Rows, s.Columns, s.Stride);
            var rows = Enumerable.Range(0, s.Rows).Select(_ => c.Next(6)).ToArray();
            c.Device.GatherRows(dTable, c.Arena.Put(rows), 1, dy, add: true);
            var expected = rows.SelectMany(r => Reference.Row(table, r, s.Columns)).ToArray();
            return [Outcome.Element("y", c.Arena.Get(dy), [.. expected.Select((v, i) => v + y[i])], absolute: 1e-7)];
        }),
        .. Each("ScatterAddRows", (c, s) =>
        {
            var (x, dx) = c.Random(s.Rows, s.Columns, s.Stride);
            var (y, dy) = c.Random(7, s.Columns, s.Stride);
            var rows = Enumerable.Range(0, s.Rows).Select(r => (3 * r + 2) % 7).ToArray();
            c.Device.ScatterAddRows(dx, c.Arena.Put(rows), dy);
            var expected = Reference.Map(y, v => v);
            for (var r = 0; r < s.Rows; r++)
                for (var j = 0; j < s.Columns; j++)
                    expected[rows[r] * s.Columns + j] += x[r * s.Columns + j];
            return [Outcome.Element("y", c.Arena.Get(dy), expected, absolute: 1e-7)];
        }),
        .. new (int Heads, int HeadDim, int Half)[] { (1, 2, 1), (3, 8, 4), (2, 9, 3), (4, 64, 16), (40, 64, 32) }.Select(s =>
            new OpCase("Rotary", $"{s.Heads} heads of {s.HeadDim}, {s.Half} pairs turn", c => Rotary(c, s.Heads, s.HeadDim, s.Half))),
        .. new (int HeadDim, int Group)[] { (4, 1), (5, 3), (64, 4) }.Select(s =>
            new OpCase("SumHeadGroups", $"{s.Group} heads of {s.HeadDim}", c =>
        {
            var (x, dx) = c.Random(3, 6 * s.Group * s.HeadDim);
            var y = c.Arena.New(3, 6 * s.HeadDim, 6 * s.HeadDim + 3);
            c.Device.SumHeadGroups(dx, s.HeadDim, s.Group, y);
            var expected = new double[3 * 6 * s.HeadDim];
            for (var i = 0; i < expected.Length; i++)
            {
                var (row, g, column) = (i / (6 * s.HeadDim), i / s.HeadDim % 6, i % s.HeadDim);
                for (var h = 0; h < s.Group; h++)
                    expected[i] += x[(row * 6 * s.Group + g * s.Group + h) * s.HeadDim + column];
            }
            return [Outcome.Element("y", c.Arena.Get(y), expected, absolute: 1e-6)];
        })),
        .. new (int Rows, int Columns)[] { (2, 3), (3, 700) }.Select(s =>
            new OpCase("Mix", $"{s.Rows} rows of {s.Columns}", c => Mix(c, s.Rows, s.Columns))),
    ];

    private static IEnumerable<OpCase> Each(string operation, Func<OpContext, (int Rows, int Columns, int Stride), Outcome[]> run) =>
        Shapes.Select(s => new OpCase(operation, $"{s.Rows} × {s.Columns}, stride {s.Stride}", c => run(c, s)));

    private static Outcome[] Rotary(OpContext c, int heads, int headDim, int half)
    {
        const int rows = 4, positions = 9;
        var width = heads * headDim;
        var (x, dx) = c.Random(rows, width, width + 5);
        var (cosines, dCosines) = c.Random(positions, half);
        var (sines, dSines) = c.Random(positions, half, half + 1);
        int[] at = [8, 0, 3, 3];
        var dAt = c.Arena.Put(at);
        var y = c.Arena.New(rows, width);
        c.Device.Rotary(dx, dAt, dCosines, dSines, headDim, inverse: true, y);
        c.Device.Rotary(dx, dAt, dCosines, dSines, headDim, inverse: false, dx);
        double[] Expected(int sign)
        {
            var result = Reference.Map(x, v => v);
            for (var r = 0; r < rows; r++)
                for (var h = 0; h < heads; h++)
                    for (var i = 0; i < half; i++)
                    {
                        int first = r * width + h * headDim + i, second = first + half;
                        double cos = cosines[at[r] * half + i], sin = sign * sines[at[r] * half + i];
                        (result[first], result[second]) = (x[first] * cos - x[second] * sin, x[second] * cos + x[first] * sin);
                    }
            return result;
        }
        return [Outcome.Element("inverse", c.Arena.Get(y), Expected(-1), absolute: 3e-7),
            Outcome.Element("in place", c.Arena.Get(dx), Expected(1), absolute: 3e-7)];
    }

    private static Outcome[] Mix(OpContext c, int rows, int columns)
    {
        var (baseline, dBaseline) = c.Random(rows, columns, columns + 2);
        var (sources, dSources) = c.Random(5 * rows, columns);
        int[] offsets = [0, 2, 2, 5, 6], list = [4, 0, 1, 2, 3, 3];
        var inputs = c.Arena.New(4 * rows, columns);
        c.Device.Mix(new(dBaseline, dSources, c.Arena.Put(offsets), c.Arena.Put(list), default, default, 0, false), inputs);
        var expected = new double[4 * rows * columns];
        for (var i = 0; i < 4; i++)
            for (var n = 0; n < rows * columns; n++)
                expected[i * rows * columns + n] = baseline[n]
                    + list[offsets[i]..offsets[i + 1]].Sum(u => (double)sources[u * rows * columns + n]);
        return [Outcome.Element("inputs", c.Arena.Get(inputs), expected, absolute: 5e-7)];
    }
}
