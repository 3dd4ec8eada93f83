using static Faith.Kernels.Tests.CaseContext;

namespace Faith.Kernels.Tests;

/// <summary>Weighted sums and products of whole matrices.</summary>
internal static class MaskCases
{
    public static IEnumerable<OpCase> All() =>
    [
        // Columns off and at the borders of panels and of what a thread takes at a time; tiles of rows; more sources than are summed in one block.
        .. new[] { (1, 1, 5), (3, 2, 64), (14, 7, 33), (37, 29, 300), (1, 157, 700), (157, 1, 65), (36, 157, 1300), (5, 900, 40), (2, 3, 4500) }.SelectMany(s => new[] { true, false }.Select(based =>
            new OpCase("Combine", $"{s.Item1} of {s.Item2} × {s.Item3}{(based ? " on a baseline" : " added")}", t => Combine(t, s.Item1, s.Item2, s.Item3, based)))),
        .. new[] { (1, 1, 5, new[] { 1 }), (3, 2, 8, [2, 1]), (5, 7, 33, [3, 1, 4]), (49, 36, 16, [2, 5]), (100, 1, 40, [1, 20]), (2, 37, 520, [1, 3]) }.SelectMany(s => new[] { true, false }.Select(every =>
            new OpCase("ContractRows", $"{s.Item1} with {s.Item2}, width {s.Item3}, rows {string.Join("+", s.Item4)}{(every ? "" : ", last rows")}", t => Contract(t, s.Item1, s.Item2, s.Item3, s.Item4, every)))),
        new("ContractRows", "the first sequence alone and beside others, with the same bits", Alone),
    ];

    static void Combine(CaseContext t, int outputs, int sources, int columns, bool based)
    {
        Tensor weights = t.Matrix(outputs, sources), x = t.Matrix(sources, columns), y = t.Matrix(outputs, columns), baseline = based ? t.Matrix(1, columns) : default;
        var before = Values(y);
        var flops = t.Device.MatrixFlops;
        t.Device.Combine(weights, x, baseline, y);
        Assert.Equal(2L * outputs * sources * columns, t.Device.MatrixFlops - flops);
        t.Check(y, (i, c) => (based ? At(baseline, 0, c) : before[i, c]) + Enumerable.Range(0, sources).Sum(j => (double)At(weights, i, j) * At(x, j, c)), 1e-6 * Math.Sqrt(sources), "y");
    }

    static void Contract(CaseContext t, int matrices, int gradients, int width, int[] rows, bool everyRow)
    {
        const int Gap = 3;
        var layout = new Ragged(rows, new int[rows.Length], new int[rows.Length], lastQueryOnly: !everyRow);
        using var memory = t.Device.Allocate(sizeof(int) * layout.Integers);
        t.Device.Prepare(layout, new(memory, 0, layout.Integers));
        Tensor x = t.Matrix(matrices, layout.QueryRows * width), g = t.Matrix(gradients, layout.QueryRows * width);
        var pitch = gradients + Gap;
        var scores = t.Matrix(rows.Length, (matrices - 1) * pitch + gradients);
        var before = Values(scores);
        t.Device.ContractRows(layout, x, g, pitch, scores);
        t.Check(scores, (e, at) =>
        {
            var (i, j) = Math.DivRem(at, pitch);
            var (from, to) = (layout.QueryOffsets[e] * width, layout.QueryOffsets[e + 1] * width);
            return before[e, at] + (j >= gradients ? 0 : Enumerable.Range(from, to - from).Sum(c => (double)At(x, i, c) * At(g, j, c)));
        }, 2e-6 * Math.Sqrt(width * rows.Max()), "scores");
        for (var e = 0; e < rows.Length; e++)
            for (var at = 0; at < scores.Columns; at++)
                if (at % pitch >= gradients) Assert.Equal((float)before[e, at], At(scores, e, at));
    }

    static void Alone(CaseContext t)
    {
        const int Matrices = 9, Gradients = 8, Width = 300;
        Ragged one = new([5], [0], [0], false), more = new([5, 2, 7], [0, 0, 0], [0, 0, 0], false);
        using var memory = t.Device.Allocate(sizeof(int) * (one.Integers + more.Integers));
        t.Device.Prepare(one, new(memory, 0, one.Integers));
        t.Device.Prepare(more, new(memory, one.Integers, more.Integers));
        Tensor x = t.Matrix(Matrices, more.Rows * Width), g = t.Matrix(Gradients, more.Rows * Width), beside = t.Matrix(3, Matrices * Gradients), alone = t.Matrix(1, Matrices * Gradients);
        t.Device.Fill(beside, 0);
        t.Device.Fill(alone, 0);
        t.Device.ContractRows(more, x, g, Gradients, beside);
        t.Device.ContractRows(one, x.ColumnRange(0, 5 * Width), g.ColumnRange(0, 5 * Width), Gradients, alone);
        t.Check(alone, (_, i) => At(beside, 0, i), 0, "alone");
        t.Written(beside);
    }
}
