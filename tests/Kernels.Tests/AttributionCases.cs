using static Faith.Kernels.Tests.CaseContext;

namespace Faith.Kernels.Tests;

internal static class AttributionCases
{
    sealed record Model(int Layers, int Heads, int HeadDim, int Group, int Width, bool Centred, bool Parallel, int Steps, int[] Rows, bool LastOnly, bool ValuesAlone = false, bool? OutputNorm = null)
    {
        public override string ToString() => $"{Layers} layers, {Heads}/{Group} heads of {HeadDim}, width {Width}, {(Centred ? "LayerNorm" : "RMSNorm")}{(Parallel ? ", parallel" : "")}, {Steps} steps, rows {string.Join("+", Rows)}{(LastOnly ? ", last rows" : "")}{(ValuesAlone ? ", values alone" : "")}{OutputNorm switch { null => "", true => ", output norms", false => ", output norms of constant σ" }}";
    }

    public static IEnumerable<OpCase> All() =>
    [
        .. new[] { (1, 1, 1), (2, 8, 1), (4, 16, 2), (6, 17, 3), (4, 64, 4), (2, 80, 1), (3, 33, 1) }.SelectMany(s => new[] { true, false }.Select(bias =>
            new OpCase("AccumulateSplitGradient", $"{s.Item1} heads of {s.Item2} in groups of {s.Item3}{(bias ? " with b′" : "")}", t => Split(t, s.Item1, s.Item2, s.Item3, bias), 3))),
        .. new Model[]
        {
            new(1, 1, 4, 1, 5, true, false, 1, [1], false),
            new(2, 2, 8, 1, 16, true, false, 2, [3, 1, 5], false),
            new(3, 4, 8, 2, 33, false, false, 3, [4, 9], true),
            new(2, 6, 16, 3, 96, false, true, 1, [2, 17], false),
            new(2, 3, 20, 1, 61, true, true, 5, [33], true),
            new(2, 12, 64, 1, 768, true, false, 2, [5, 18], true),
            new(1, 2, 16, 1, 32, true, false, 0, [70, 2], false),
            new(2, 6, 16, 3, 96, true, false, 0, [5, 19], true, ValuesAlone: true),
            new(3, 4, 17, 2, 33, false, true, 2, [3, 1], false, ValuesAlone: true),
            new(2, 3, 20, 1, 61, true, false, 2, [33, 2], true, OutputNorm: true),
            new(3, 4, 8, 2, 33, false, false, 3, [4, 9], true, OutputNorm: true),
            new(2, 6, 16, 3, 96, false, true, 1, [2, 17], false, OutputNorm: false),
            // The tiles of a GPU: 32 and 40 columns, several of them; 16 rows of a sequence, put together in packs; 96 sources.
            new(1, 20, 3, 1, 60, true, false, 7, [2, 1], false),
            new(2, 20, 4, 1, 80, true, false, 3, [2, 1], false),
            new(1, 59, 4, 1, 236, true, false, 0, [2], false),
            new(2, 12, 3, 2, 36, true, false, 2, [7, 9], false),
            new(2, 12, 4, 2, 48, true, false, 2, [7, 9], false),
            new(2, 11, 12, 1, 132, true, false, 2, [3, 35, 1, 16, 17, 2], true),
            new(8, 19, 2, 1, 38, false, false, 1, [1, 2], false),
            new(8, 19, 4, 1, 76, true, false, 3, [1, 17], false),
        }.Select(m => new OpCase("ContractScores", m.ToString(), t => Contract(t, m))),
        // Alone its first tile is a pack; beside others its tiles are in packs with theirs.
        .. new[] { (1, new[] { 21, 3, 6 }, true), (1, [21, 3, 6], false), (2, [1, 1, 3], true) }.Select(s =>
            new OpCase("ContractScores", $"the first {s.Item1} of rows {string.Join("+", s.Item2)} alone and beside the others{(s.Item3 ? ", last rows" : "")}, with the same bits",
                t => Contract(t, new(2, 3, 100, 1, 300, true, false, 1, s.Item2, s.Item3), s.Item1))),
    ];

    static void Split(CaseContext t, int heads, int dh, int group, bool bias)
    {
        const int Rows = 3, Width = 48;
        Tensor gradient = t.Batch(Rows, heads * dh), projection = t.Batch(Rows, heads / group * dh), atZero = bias ? t.Matrix(1, heads / group * dh) : default;
        Tensor inverse = t.Batch(Rows, 1, 0.5, 2), alpha = t.Batch(Rows, heads * dh), s = t.Batch(Rows, heads);
        var before = Values(alpha);
        t.Device.AccumulateSplitGradient(gradient, projection, atZero, inverse, Width, dh, group, 0.2f, alpha, s);
        t.Check(alpha, (r, c) => before[r, c] + 0.2 * At(gradient, r, c) * At(inverse, r, 0), 3e-7, "alpha");
        t.Check(s, (r, h) => 0.2 / Width * At(inverse, r, 0) * Enumerable.Range(0, dh).Sum(c =>
            ((double)At(projection, r, h / group * dh + c) - (bias ? At(atZero, 0, h / group * dh + c) : 0)) * At(gradient, r, h * dh + c)), 1e-6, "s");
        before = Values(alpha);
        t.Device.AccumulateSplitGradient(gradient, default, default, inverse, Width, dh, group, 0.2f, alpha, default);
        t.Check(alpha, (r, c) => before[r, c] + 0.2 * At(gradient, r, c) * At(inverse, r, 0), 3e-7, "alpha alone");
    }

    /// <param name="first">So many sequences alone are to have the bits that they have beside the others; 0 for the comparison with the reference.</param>
    static void Contract(CaseContext t, Model m, int first = 0)
    {
        int heads = m.Heads, dh = m.HeadDim, d = m.Width, keys = heads / m.Group;
        int sources = 1 + m.Layers * (heads + 1), columns = m.Layers * (3 * heads + 1) + 1;
        var layout = new Ragged(m.Rows, new int[m.Rows.Length], new int[m.Rows.Length], false);
        using var memory = t.Device.Allocate(sizeof(int) * layout.Integers);
        t.Device.Prepare(layout, new(memory, 0, layout.Integers));
        int rows = layout.Rows, sequences = layout.Sequences;
        T[] Each<T>(Func<int, T> make) => [.. Enumerable.Range(0, m.Layers).Select(make)];
        bool Last(int layer) => m.LastOnly && layer == m.Layers - 1;
        var outputValues = new float[m.Layers][];
        var projectionValues = new float[m.Layers][];
        var contraction = new ScoreContraction
        {
            Layout = layout, Layers = m.Layers, Heads = heads, HeadDim = dh, Group = m.Group, Centred = m.Centred, Parallel = m.Parallel, Steps = m.Steps, ValuesAlone = m.ValuesAlone, ReducesLastLayer = m.LastOnly,
            InputDifference = t.Matrix(rows, d),
            ContextDifference = Each(_ => t.Matrix(rows, heads * dh)),
            OutputNorms = m.OutputNorm is { } hasXHat
                ? Each(_ => new OutputNorm(t.Matrix(1, d, 0.5, 1.5), hasXHat ? t.Matrix(rows, d) : default, t.Matrix(rows, 1, 0.5, 2), m.Centred)) : [],
            MlpDifference = Each(_ => t.Matrix(rows, d)),
            Output = Each(l => t.Weights(heads * dh, d, WeightPrecision.Float32, l % 2 == 0, out outputValues[l])),
            QueryKeyValue = Each(l => t.Weights(d, (heads + 2 * keys) * dh, (WeightPrecision)((l + dh) % 3), l % 2 == 0, out projectionValues[l])),
            NormScale = Each(_ => t.Matrix(1, d, 0.5, 1.5)),
            Alpha = Each(l => OfQueries(l, t.Matrix(rows, 3 * heads * dh), heads * dh)),
            NormalizedInputs = Each(_ => Centre(t, m, t.Matrix(m.Steps * rows, d))),
            StepProducts = Each(l => OfQueries(l, t.Matrix(m.Steps * rows, 3 * heads), heads)),
            MlpGradient = Each(l => Centre(t, m, t.Matrix(Last(l) ? sequences : rows, d))),
            LogitsGradient = Centre(t, m, t.Matrix(sequences, d)),
            Scores = t.Matrix(sequences, sources * columns),
        };
        if (first > 0)
        {
            var alone = new Ragged(m.Rows.AsSpan(0, first), new int[first], new int[first], false);
            using var memoryOfFew = t.Device.Allocate(sizeof(int) * alone.Integers);
            t.Device.Prepare(alone, new(memoryOfFew, 0, alone.Integers));
            var scores = t.Matrix(first, sources * columns);
            t.Device.Fill(scores, 0);
            t.Device.Fill(contraction.Scores, 0);
            t.Device.ContractScores(contraction);
            // Of one step, the rows of the first sequences are the first ones of every matrix.
            t.Device.ContractScores(contraction.Mapped(view => view == contraction.Scores ? scores
                : view.Rows == rows ? view.RowRange(0, alone.Rows) : view.Rows == sequences ? view.RowRange(0, first) : view, weights => weights, alone));
            t.Check(scores, (s, i) => At(contraction.Scores, s, i), 0, "alone");
            t.Written(contraction.Scores);
            foreach (var weights in contraction.Output.Concat(contraction.QueryKeyValue)) weights.Dispose();
            return;
        }
        var expected = Values(contraction.Scores);
        Reference(contraction, outputValues, projectionValues, expected);
        var flops = t.Device.MatrixFlops;
        t.Device.ContractScores(contraction);
        Assert.True(t.Device.MatrixFlops > flops);
        t.Check(contraction.Scores, (s, i) => expected[s, i], 3e-6 * Math.Sqrt(d * m.Rows.Max()), "scores");
        for (var s = 0; s < sequences; s++)
            for (var i = 0; i < sources * columns; i++)
                if (i / columns >= SourcesBefore(contraction, i % columns) || IsLeftOut(contraction, i % columns)) Assert.Equal((float)expected[s, i], At(contraction.Scores, s, i));
        foreach (var weights in contraction.Output.Concat(contraction.QueryKeyValue)) weights.Dispose();

        // Of a layer reduced to last rows, queries have a gradient in these only.
        Tensor OfQueries(int layer, Tensor x, int queryColumns)
        {
            var lastRows = layout.Offsets.Skip(1).Select(end => end - 1).ToHashSet();
            for (var r = 0; Last(layer) && r < x.Rows; r++)
                for (var c = 0; c < queryColumns && !lastRows.Contains(r % rows); c++) At(x, r, c) = 0;
            t.Written(x);
            return x;
        }
    }

    /// <summary>Gradients and normalised inputs of a LayerNorm have no mean: the contract builds on it.</summary>
    static Tensor Centre(CaseContext t, Model m, Tensor x)
    {
        for (var r = 0; m.Centred && r < x.Rows; r++)
        {
            var mean = Enumerable.Range(0, x.Columns).Average(c => (double)At(x, r, c));
            for (var c = 0; c < x.Columns; c++) At(x, r, c) -= (float)mean;
        }
        t.Written(x);
        return x;
    }

    static bool IsLeftOut(ScoreContraction c, int column) =>
        c.ValuesAlone && column < c.Layers * (3 * c.Heads + 1) && column % (3 * c.Heads + 1) < 2 * c.Heads;

    static int SourcesBefore(ScoreContraction c, int column)
    {
        int perLayer = 3 * c.Heads + 1, layer = column / perLayer;
        return 1 + layer * (c.Heads + 1) + (layer < c.Layers && column % perLayer == 3 * c.Heads && !c.Parallel ? c.Heads : 0);
    }

    static void Reference(ScoreContraction c, float[][] output, float[][] projection, double[,] scores)
    {
        int heads = c.Heads, dh = c.HeadDim, d = c.InputDifference.Columns, keys = heads / c.Group, projected = (heads + 2 * keys) * dh;
        int sources = 1 + c.Layers * (heads + 1), columns = c.Layers * (3 * heads + 1) + 1;
        for (var s = 0; s < c.Layout.Sequences; s++)
            for (var row = c.Layout.Offsets[s]; row < c.Layout.Offsets[s + 1]; row++)
            {
                var last = row == c.Layout.Offsets[s + 1] - 1;
                var z = new double[sources][];
                z[0] = Row(c.InputDifference, row);
                for (var l = 0; l < c.Layers; l++)
                {
                    for (var h = 0; h < heads; h++)
                    {
                        var head = z[1 + l * (heads + 1) + h] = new double[d];
                        for (var i = h * dh; i < (h + 1) * dh; i++)
                            for (var j = 0; j < d; j++) head[j] += (double)At(c.ContextDifference[l], row, i) * output[l][i * d + j];
                        if (c.OutputNorm(l) is { IsNone: false } norm) Differentiate(norm, row, head);
                    }
                    z[1 + l * (heads + 1) + heads] = Row(c.MlpDifference[l], row);
                }
                for (var column = 0; column < columns; column++)
                {
                    int l = column / (3 * heads + 1), v = column % (3 * heads + 1);
                    var g = new double[d];
                    if (IsLeftOut(c, column)) continue;
                    if (l == c.Layers) g = last ? Row(c.LogitsGradient, s) : g;
                    else if (v == 3 * heads) g = c.MlpGradient[l].Rows == c.Layout.Rows ? Row(c.MlpGradient[l], row) : last ? Row(c.MlpGradient[l], s) : g;
                    else
                    {
                        int kind = v / heads, h = v % heads, first = kind == 0 ? h * dh : (heads + (kind - 1) * keys + h / c.Group) * dh;
                        for (var j = 0; j < d; j++)
                        {
                            for (var i = 0; i < dh; i++) g[j] += (double)projection[l][j * projected + first + i] * At(c.Alpha[l], row, v * dh + i);
                            g[j] *= At(c.NormScale[l], 0, j);
                        }
                        var mean = c.Centred ? g.Average() : 0;
                        for (var j = 0; j < d; j++)
                        {
                            g[j] -= mean;
                            for (var k = 0; k < c.Steps; k++)
                                g[j] -= (double)At(c.NormalizedInputs[l], k * c.Layout.Rows + row, j) * At(c.StepProducts[l], k * c.Layout.Rows + row, v);
                        }
                    }
                    for (var u = 0; u < SourcesBefore(c, column); u++) scores[s, u * columns + column] += z[u].Zip(g, (a, b) => a * b).Sum();
                }
            }
    }

    static void Differentiate(OutputNorm norm, int row, double[] change)
    {
        var mean = norm.Centred ? change.Average() : 0;
        var slope = norm.XHat.IsNone ? 0 : change.Select((x, j) => x * At(norm.XHat, row, j)).Average();
        for (var j = 0; j < change.Length; j++)
            change[j] = (change[j] - mean - (norm.XHat.IsNone ? 0 : At(norm.XHat, row, j) * slope)) * At(norm.InverseSigma, row, 0) * At(norm.Scale, 0, j);
    }

    static double[] Row(Tensor x, int row) => [.. Enumerable.Range(0, x.Columns).Select(c => (double)At(x, row, c))];
}
