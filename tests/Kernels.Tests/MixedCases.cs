using static Faith.Kernels.Tests.CaseContext;

namespace Faith.Kernels.Tests;

/// <summary>Normed mixed inputs, alone and multiplied.</summary>
internal static class MixedCases
{
    const float Epsilon = 1e-5f;

    static readonly int[] Offsets = [0, 2, 2, 5, 6], List = [0, 4, 1, 2, 3, 4];

    public static IEnumerable<OpCase> All()
    {
        foreach (var centred in new[] { true, false })
            foreach (var d in new[] { 5, 16, 33, 257 })
                yield return new("Mix", $"width {d}{(centred ? "" : " RMSNorm")}", t =>
                {
                    var mix = Mix(t, 3, d, centred);
                    var y = t.Dense(4 * 3, d);
                    t.Device.Mix(mix, y);
                    var expected = Normed(mix);
                    t.Check(y, (r, c) => expected[r, c], 1e-5, "y");
                });
        // Rows within a block of the host kernel, and over several; room for all inputs at once, and for one.
        foreach (var (rows, d, room) in new[] { (1, 8, 4), (3, 33, 1), (57, 16, 3), (130, 40, 4), (3, 800, 1) })
            yield return new("MultiplyMixed", $"{rows} × {d}, work for {room}", t => Multiply(t, rows, d, room));
    }

    static void Multiply(CaseContext t, int rows, int d, int room)
    {
        foreach (var (precision, centred) in new[] { (WeightPrecision.Float32, true), (WeightPrecision.BFloat16, false), (WeightPrecision.Float16, true) })
        {
            const int Outputs = 100;
            using var weights = t.Weights(d, Outputs, precision, true, out var w);
            var mix = Mix(t, rows, d, centred);
            // Input 1 has no product and input 2 two of them; columns at and off the borders of panels.
            Tensor a = t.Batch(rows, 7), b = t.Batch(rows, 32), c = t.Batch(rows, 33), e = t.Batch(rows, 64), bias = t.Matrix(1, 33), work = t.Dense(room * rows, d);
            MixedProduct[] products = [new(0, 93, a, default), new(2, 32, b, default), new(2, 1, c, bias), new(3, 0, e, default)];
            var flops = t.Device.MatrixFlops;
            t.Device.MultiplyMixed(mix, weights, products, work);
            Assert.Equal(2L * rows * d * (7 + 32 + 33 + 64), t.Device.MatrixFlops - flops);
            t.Written(work);
            var x = Normed(mix);
            foreach (var p in products)
                t.Check(p.Y, (r, n) => (p.Bias.IsNone ? 0 : At(p.Bias, 0, n)) + Enumerable.Range(0, d).Sum(k => x[p.Input * rows + r, k] * w[k * Outputs + p.FirstColumn + n]),
                    1e-5 * Math.Sqrt(d), $"product of input {p.Input} from column {p.FirstColumn}");
        }
    }

    static NormedMix Mix(CaseContext t, int rows, int d, bool centred) =>
        new(t.Matrix(rows, d, 3, 7), t.Dense(5 * rows, d), t.Integers(Offsets), t.Integers(List), t.Matrix(1, d), centred ? t.Matrix(1, d) : default, Epsilon, centred);

    static double[,] Normed(NormedMix mix)
    {
        int rows = mix.Baseline.Rows, d = mix.Baseline.Columns;
        var y = new double[4 * rows, d];
        for (var i = 0; i < 4; i++)
            for (var r = 0; r < rows; r++)
            {
                var x = Enumerable.Range(0, d).Select(c => At(mix.Baseline, r, c) + List[Offsets[i]..Offsets[i + 1]].Sum(u => (double)At(mix.Sources, u * rows + r, c))).ToArray();
                var mean = mix.Centred ? x.Average() : 0;
                var inverse = 1 / Math.Sqrt(x.Average(v => (v - mean) * (v - mean)) + mix.Epsilon);
                for (var c = 0; c < d; c++) y[i * rows + r, c] = (x[c] - mean) * inverse * At(mix.Scale, 0, c) + (mix.Shift.IsNone ? 0 : At(mix.Shift, 0, c));
            }
        return y;
    }
}
