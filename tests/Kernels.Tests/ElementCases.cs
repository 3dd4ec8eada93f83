using static Faith.Kernels.Tests.CaseContext;

namespace Faith.Kernels.Tests;

internal static class ElementCases
{
    const double Rounding = 3e-7;

    public static IEnumerable<OpCase> All() =>
    [
        new("Fill", "0 × 5", t => t.Device.Fill(t.Matrix(0, 5), 1)),
        .. OpCases.RowWise("Fill", 3, (t, rows, n) =>
        {
            var x = t.Batch(rows, n);
            t.Device.Fill(x, 1.25f);
            t.Check(x, (_, _) => 1.25, 0, "x");
        }),
        .. OpCases.RowWise("Copy", 3, (t, rows, n) =>
        {
            Tensor x = t.Batch(rows, n), y = t.Batch(rows, n, gap: 0);
            t.Device.Copy(x, y);
            t.Check(y, (r, c) => At(x, r, c), 0, "y");
        }),
        .. OpCases.RowWise("AddScaled", 3, (t, rows, n) =>
        {
            Tensor x = t.Batch(rows, n, gap: n % 2), y = t.Batch(rows, n, gap: n % 2);
            var before = Values(y);
            t.Device.AddScaled(x, 0.3f, y);
            t.Check(y, (r, c) => before[r, c] + (double)0.3f * At(x, r, c), Rounding, "y");
        }),
        .. OpCases.RowWise("Scale", 3, (t, rows, n) =>
        {
            var x = t.Batch(rows, n, gap: n % 2);
            var before = Values(x);
            t.Device.Scale(x, 0.3f);
            t.Check(x, (r, c) => (double)0.3f * before[r, c], Rounding, "x");
        }),
        .. OpCases.RowWise("Subtract", 3, (t, rows, n) =>
        {
            Tensor a = t.Batch(rows, n), b = t.Batch(rows, n, gap: 1), y = t.Batch(rows, n);
            t.Device.Subtract(a, b, y);
            t.Check(y, (r, c) => (double)At(a, r, c) - At(b, r, c), Rounding, "y");
        }),
        .. OpCases.RowWise("Interpolate", 3, (t, rows, n) =>
        {
            foreach (var alpha in new[] { 0, 0.4f, 1 })
            {
                Tensor corrupted = t.Batch(rows, n), clean = t.Batch(rows, n), y = t.Batch(rows, n);
                for (var r = 0; r < corrupted.Rows; r++) At(corrupted, r, 0) = -0f;
                t.Device.Interpolate(corrupted, clean, alpha, y);
                t.Check(y, (r, c) => At(corrupted, r, c) + alpha * ((double)At(clean, r, c) - At(corrupted, r, c)), alpha is 0 or 1 ? 0 : Rounding, "y");
                if (alpha == 0) Assert.True(float.IsNegative(At(y, 0, 0)), "−0 stays −0 at alpha = 0");
                t.Written(corrupted);
            }
        }),
        .. OpCases.RowWise("GatherRows", 4, (t, rows, n) =>
        {
            Tensor table = t.Matrix(7, n), y = t.Batch(rows, n);
            var indices = t.BatchIndices(6, 0, 3, 3);
            t.Device.GatherRows(table, indices, 1.5f, y);
            t.Check(y, (r, c) => 1.5 * At(table, At(indices, r), c), Rounding, "y");
        }),
        .. OpCases.RowWise("GatherRows", 4, (t, rows, n) =>
        {
            Tensor table = t.Matrix(7, n), y = t.Batch(rows, n);
            var indices = t.BatchIndices(6, 0, 3, 3);
            var before = Values(y);
            t.Device.GatherRows(table, indices, 1, y, add: true);
            t.Check(y, (r, c) => before[r, c] + At(table, At(indices, r), c), Rounding, "y");
        }).Select(c => c with { Shape = c.Shape + " added" }),
        .. Enum.GetValues<WeightPrecision>().SelectMany(precision => OpCases.RowWise("GatherRows", 4, (t, rows, n) =>
        {
            using var table = t.Table(7, n, precision, out var values);
            var y = t.Batch(rows, n);
            var indices = t.BatchIndices(6, 0, 3, 3);
            t.Device.GatherRows(table, indices, 1.5f, y);
            t.Check(y, (r, c) => 1.5 * values[At(indices, r) * n + c], Rounding, "y");
            var before = Values(y);
            t.Device.GatherRows(table, indices, 1, y, add: true);
            t.Check(y, (r, c) => before[r, c] + values[At(indices, r) * n + c], Rounding, "y");
        }).Select(c => c with { Shape = $"{c.Shape} of a table of {precision}" })),
        new("GatherRows", "every number of float16", t =>
        {
            const int Rows = 256;
            var halves = Enumerable.Range(0, Rows * Rows).Select(i => BitConverter.UInt16BitsToHalf((ushort)i)).Select(half => Half.IsNaN(half) ? 0 : (float)half).ToArray();
            using var table = t.Device.CreateTable(new ArrayMatrix(halves, Rows, Rows, storedTransposed: false, WeightPrecision.Float16));
            var y = t.Matrix(Rows, Rows);
            t.Device.GatherRows(table, t.Integers([.. Enumerable.Range(0, Rows)]), 1, y);
            t.Written(y);
            // Zeros and infinities too, with their signs.
            Assert.All(Enumerable.Range(0, Rows * Rows), i => Assert.Equal(BitConverter.SingleToInt32Bits(halves[i]), BitConverter.SingleToInt32Bits(At(y, i / Rows, i % Rows))));
        }),
        .. OpCases.Lengths.Select(n => new OpCase("ScatterAddRows", $"4 × {n}", t =>
        {
            Tensor x = t.Matrix(4, n), y = t.Matrix(7, n);
            int[] rows = [6, 0, 3, 2];
            var before = Values(y);
            t.Device.ScatterAddRows(x, t.Integers(rows), y);
            t.Check(y, (r, c) => before[r, c] + (Array.IndexOf(rows, r) is >= 0 and var i ? At(x, i, c) : 0), Rounding, "y");
        })),
        .. new[] { (1, 1, 8), (3, 2, 5), (2, 4, 16), (2, 3, 33), (5, 2, 64), (3, 37, 1), (2, 64, 1) }.Select(s => new OpCase("SumHeadGroups", $"{s.Item1} groups of {s.Item2}, width {s.Item3}", t =>
        {
            var (groups, group, dh) = s;
            Tensor x = t.Batch(3, groups * group * dh), y = t.Batch(3, groups * dh);
            t.Device.SumHeadGroups(x, dh, group, y);
            t.Check(y, (r, c) => Enumerable.Range(0, group).Sum(h => (double)At(x, r, (c / dh * group + h) * dh + c % dh)), Rounding * group, "y");
        }, 3)),
        .. new[] { 1, 5, 16, 33, 64, 257 }.Select(d => new OpCase("Mix", $"4 inputs, width {d}", t =>
        {
            const int Rows = 3;
            int[] offsets = [0, 2, 2, 5, 6], list = [0, 4, 1, 2, 3, 4];
            Tensor baseline = t.Matrix(Rows, d), sources = t.Dense(5 * Rows, d), inputs = t.Dense(4 * Rows, d);
            t.Device.Mix(new(baseline, sources, t.Integers(offsets), t.Integers(list), default, default, 0, false), inputs);
            t.Check(inputs, (r, c) => At(baseline, r % Rows, c) + list[offsets[r / Rows]..offsets[r / Rows + 1]].Sum(u => (double)At(sources, u * Rows + r % Rows, c)), 1e-6, "inputs");
        })),
    ];
}
