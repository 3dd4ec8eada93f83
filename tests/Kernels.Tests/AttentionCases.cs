using static Faith.Kernels.Tests.CaseContext;

namespace Faith.Kernels.Tests;

internal static class AttentionCases
{
    /// <param name="Size">The largest of q and k.</param>
    sealed record Layout(int[] Suffixes, int[] Prefixes, AttentionShape Shape, bool LastOnly, double Size = 2, bool Biased = false)
    {
        public override string ToString() => $"{(Size == 2 ? "" : $"q and k up to {Size}, ")}suffixes {string.Join("+", Suffixes)}, prefixes {string.Join("+", Prefixes)}, {Shape.Heads} heads of {Shape.HeadDim} in groups of {Shape.SuffixGroup}/{Shape.PrefixGroup}{(Shape.Window == 0 ? "" : $", window {Shape.Window}")}{(Shape.Cap == 0 ? "" : $", cap {Shape.Cap}")}{(Biased ? ", biased" : "")}{(LastOnly ? ", last query" : "")}";
    }

    static IEnumerable<Layout> Layouts()
    {
        foreach (var lastOnly in new[] { false, true })
        {
            yield return new([1], [0], new(1, 1, 1, 1, 1), lastOnly);
            yield return new([1, 2, 3], [0, 0, 0], new(2, 8, 1, 1, 0.35f), lastOnly);
            yield return new([5, 1, 9], [3, 0, 17], new(4, 16, 1, 2, 0.25f), lastOnly);
            yield return new([16, 17, 15], [16, 1, 31], new(4, 17, 2, 2, 0.3f), lastOnly);
            yield return new([31, 33, 2], [0, 33, 64], new(6, 64, 1, 3, 0.125f), lastOnly);
            yield return new([65, 64], [0, 0], new(2, 32, 2, 2, 3f), lastOnly);
            yield return new([257], [10], new(1, 80, 1, 1, 0.1f), lastOnly);
            yield return new([3], [130], new(2, 128, 2, 1, 0.1f), lastOnly);
            yield return new([33, 4], [0, 9], new(1, 100, 1, 1, 0.1f), lastOnly);
            yield return new([2, 5, 40], [0, 35, 1], new(2, 129, 1, 2, 0.1f), lastOnly);
            yield return new([6], [1], new(1, 256, 1, 1, 0.06f), lastOnly);
            // Windows that end within the suffix, within the prefix and nowhere; of one key; over many tiles of keys and of queries.
            foreach (var window in new[] { 1, 2, 5, 20, int.MaxValue }) yield return new([5, 1, 9], [3, 0, 17], new(4, 16, 1, 2, 0.25f) { Window = window }, lastOnly);
            foreach (var window in new[] { 32, 33, 100 }) yield return new([31, 133, 2], [0, 33, 64], new(2, 64, 1, 2, 0.125f) { Window = window }, lastOnly);
            yield return new([257], [10], new(1, 80, 1, 1, 0.1f) { Window = 40 }, lastOnly);
            yield return new([3, 70], [130, 1], new(2, 130, 2, 1, 0.1f) { Window = 6 }, lastOnly);
            // Caps, for heads of every width of a kernel; with a window; of scores that all reach the cap.
            yield return new([5, 1, 9], [3, 0, 17], new(4, 16, 1, 2, 0.25f) { Cap = 5 }, lastOnly);
            yield return new([33, 4], [0, 9], new(2, 100, 1, 1, 0.1f) { Cap = 1, Window = 6 }, lastOnly);
            yield return new([2, 40], [35, 1], new(2, 130, 1, 2, 0.1f) { Cap = 50 }, lastOnly);
            yield return new([40], [3], new(2, 64, 1, 1, 0.125f) { Cap = 3 }, lastOnly, Size: 200);
            // Biases, for heads of every width of a kernel; with a window; over many tiles of keys and of queries.
            yield return new([5, 1, 9], [3, 0, 17], new(4, 16, 1, 2, 0.25f), lastOnly, Biased: true);
            yield return new([133, 4], [0, 9], new(2, 100, 1, 1, 0.1f) { Window = 60 }, lastOnly, Biased: true);
            yield return new([2, 40], [35, 1], new(2, 130, 1, 2, 0.1f), lastOnly, Biased: true);
            yield return new([31, 133, 2], [0, 33, 64], new(6, 64, 2, 3, 0.125f), lastOnly, Biased: true);
            // Scores of thousands: most queries see one key alone, so that they have no gradient. Of whole numbers, so that float32 holds the scores.
            yield return new([5, 1, 9], [0, 0, 0], new(4, 16, 1, 1, 0.25f), lastOnly, Size: 100);
            yield return new([40, 70], [3, 40], new(2, 64, 1, 1, 0.125f), lastOnly, Size: 200);
        }
    }

    public static IEnumerable<OpCase> All() => Layouts().SelectMany(l => new[]
    {
        new OpCase("AttentionForward", l.ToString(), t => Run(t, l, false)),
        new OpCase("AttentionBackward", l.ToString(), t => Run(t, l, true)),
        new OpCase("AttentionBackward", l.ToString() + " of values", t => Run(t, l, true, valuesAlone: true)),
    }).Append(new("AttentionBackward", "a sequence alone and beside a longer one, with the same bits", Beside)).Append(new("AttentionForward", "biases beside a cap are refused", BiasedAndCapped)).Append(new("Prepare", "offsets", t =>
    {
        Ragged layout = new([2, 3], [0, 4], [4, 1], false);
        using var memory = t.Device.Allocate(sizeof(int) * layout.Integers);
        t.Device.Prepare(layout, new(memory, 0, layout.Integers));
        Assert.Equal([0, 2, 5], t.Read(layout.OnDevice.Offsets));
        Assert.Equal([4, 1], t.Read(layout.OnDevice.PrefixLengths));
    }));

    static void Run(CaseContext t, Layout l, bool backward, bool valuesAlone = false)
    {
        var starts = new int[l.Prefixes.Length];
        for (var s = 1; s < starts.Length; s++) starts[s] = starts[s - 1] + l.Prefixes[s - 1];
        var layout = new Ragged(l.Suffixes, starts, l.Prefixes, l.LastOnly);
        using var memory = t.Device.Allocate(sizeof(int) * layout.Integers);
        t.Device.Prepare(layout, new(memory, 0, layout.Integers));
        int heads = l.Shape.Heads, dh = l.Shape.HeadDim, width = heads * dh, prefixRows = l.Prefixes.Sum();
        Tensor q = t.Matrix(layout.QueryRows, width, -l.Size, l.Size), k = t.Matrix(layout.Rows, width / l.Shape.SuffixGroup, -l.Size, l.Size), v = t.Matrix(layout.Rows, width / l.Shape.SuffixGroup);
        Tensor prefixK = prefixRows == 0 ? default : t.Matrix(prefixRows, width / l.Shape.PrefixGroup, -l.Size, l.Size), prefixV = prefixRows == 0 ? default : t.Matrix(prefixRows, width / l.Shape.PrefixGroup);
        foreach (var x in l.Size == 2 ? [] : new[] { q, k, prefixK }.Where(x => !x.IsNone))
        {
            for (var r = 0; r < x.Rows; r++)
                for (var c = 0; c < x.Columns; c++) At(x, r, c) = MathF.Round(At(x, r, c));
            t.Written(x);
        }
        Tensor context = t.Matrix(layout.QueryRows, width), normalizers = t.Matrix(layout.QueryRows, 2 * heads), dContext = t.Matrix(layout.QueryRows, width);
        if (l.Biased) l = l with { Shape = l.Shape with { Bias = t.Matrix(heads, layout.LongestSequence + 3, -9, 9) } };
        var (wantContext, wantNormalizers, wantDq, wantDk, wantDv) = Reference(layout, l.Shape, q, k, v, prefixK, prefixV, dContext);
        t.Device.AttentionForward(layout, l.Shape, q, k, v, prefixK, prefixV, context, normalizers);
        // The error of a probability is that of its exponent.
        var error = 2e-6 * Math.Max(1, l.Shape.Scale * dh / 8);
        t.Check(context, (r, c) => wantContext[r, c], error, "context");
        t.Check(normalizers, (r, c) => wantNormalizers[r, c], error, "normalizers");
        if (!backward) return;
        Tensor dq = t.Matrix(layout.QueryRows, width), dk = t.Matrix(layout.Rows, width), dv = t.Matrix(layout.Rows, width);
        if (valuesAlone)
        {
            t.Device.AttentionBackward(layout, l.Shape, q, k, default, prefixK, default, default, normalizers, dContext, default, default, dv);
            t.Check(dv, (r, c) => wantDv[r, c], 8 * error, "dv");
            return;
        }
        t.Device.AttentionBackward(layout, l.Shape, q, k, v, prefixK, prefixV, context, normalizers, dContext, dq, dk, dv);
        t.Check(dq, (r, c) => wantDq[r, c], 8 * error, "dq");
        t.Check(dk, (r, c) => wantDk[r, c], 8 * error, "dk");
        t.Check(dv, (r, c) => wantDv[r, c], 8 * error, "dv");
    }

    static void BiasedAndCapped(CaseContext t)
    {
        var layout = new Ragged([2], [0], [0], lastQueryOnly: false);
        using var memory = t.Device.Allocate(sizeof(int) * layout.Integers);
        t.Device.Prepare(layout, new(memory, 0, layout.Integers));
        Tensor x = t.Matrix(2, 4), context = t.Matrix(2, 4), normalizers = t.Matrix(2, 2);
        AttentionShape shape = new(1, 4, 1, 1, 0.5f) { Cap = 3, Bias = t.Matrix(1, 2) };
        Assert.Throws<NotSupportedException>(() => t.Device.AttentionForward(layout, shape, x, x, x, default, default, context, normalizers));
    }

    static void Beside(CaseContext t)
    {
        const int Heads = 2, HeadDim = 40, Width = Heads * HeadDim, Suffix = 33, Longer = 66, Prefix = 37, Rows = Suffix + Longer;
        Tensor q = t.Matrix(Rows, Width), k = t.Matrix(Rows, Width / 2), v = t.Matrix(Rows, Width / 2), prefixK = t.Matrix(Prefix, Width), prefixV = t.Matrix(Prefix, Width), dContext = t.Matrix(Rows, Width);
        Tensor[] Gradients(params int[] lengths)
        {
            var layout = new Ragged(lengths, new int[lengths.Length], [.. lengths.Select(_ => Prefix)], false);
            using var memory = t.Device.Allocate(sizeof(int) * layout.Integers);
            t.Device.Prepare(layout, new(memory, 0, layout.Integers));
            var shape = new AttentionShape(Heads, HeadDim, 2, 1, 0.2f);
            Tensor First(Tensor x) => x.RowRange(0, layout.Rows);
            Tensor New(int columns) => t.Matrix(layout.Rows, columns);
            Tensor context = New(Width), normalizers = New(2 * Heads), dq = New(Width), dk = New(Width), dv = New(Width);
            t.Device.AttentionForward(layout, shape, First(q), First(k), First(v), prefixK, prefixV, context, normalizers);
            t.Device.AttentionBackward(layout, shape, First(q), First(k), First(v), prefixK, prefixV, context, normalizers, First(dContext), dq, dk, dv);
            t.Written(normalizers);
            return [context, dq, dk, dv];
        }
        var alone = Gradients(Suffix);
        foreach (var (one, both) in alone.Zip(Gradients(Suffix, Longer)))
        {
            t.Check(one, (r, c) => At(both, r, c), 0, "alone");
            t.Written(both);
        }
    }

    static (double[,], double[,], double[,], double[,], double[,]) Reference(Ragged layout, AttentionShape shape, Tensor q, Tensor k, Tensor v, Tensor prefixK, Tensor prefixV, Tensor dContext)
    {
        int heads = shape.Heads, dh = shape.HeadDim;
        double[,] context = new double[q.Rows, heads * dh], normalizers = new double[q.Rows, 2 * heads], dq = new double[q.Rows, heads * dh];
        double[,] dk = new double[k.Rows, heads * dh], dv = new double[k.Rows, heads * dh];
        for (var s = 0; s < layout.Sequences; s++)
        {
            int prefix = layout.PrefixLengths[s], first = layout.Offsets[s], rows = layout.Offsets[s + 1] - first, queries = layout.QueryOffsets[s + 1] - layout.QueryOffsets[s];
            double Read(Tensor suffixes, Tensor prefixes, int h, int j, int c) => j < prefix
                ? At(prefixes, layout.PrefixOffsets[s] + j, h / shape.PrefixGroup * dh + c)
                : At(suffixes, first + j - prefix, h / shape.SuffixGroup * dh + c);
            for (var h = 0; h < heads; h++)
                for (var i = 0; i < queries; i++)
                {
                    int row = layout.QueryOffsets[s] + i, keys = prefix + rows - queries + i + 1, begin = shape.Window == 0 ? 0 : Math.Max(0, keys - shape.Window);
                    var z = new double[keys];
                    Array.Fill(z, double.NegativeInfinity, 0, begin);
                    for (var j = begin; j < keys; j++)
                    {
                        for (var c = 0; c < dh; c++) z[j] += shape.Scale * At(q, row, h * dh + c) * Read(k, prefixK, h, j, c);
                        if (!shape.Bias.IsNone) z[j] += shape.Scale * At(shape.Bias, h, j);
                        if (shape.Cap != 0) z[j] = shape.Cap * Math.Tanh(z[j] / shape.Cap);
                    }
                    var largest = z.Max();
                    var inverse = 1 / z.Sum(x => Math.Exp(x - largest));
                    (normalizers[row, 2 * h], normalizers[row, 2 * h + 1]) = (largest, inverse);
                    var p = z.Select(x => Math.Exp(x - largest) * inverse).ToArray();
                    var dp = new double[keys];
                    for (var j = 0; j < keys; j++)
                        for (var c = 0; c < dh; c++)
                        {
                            context[row, h * dh + c] += p[j] * Read(v, prefixV, h, j, c);
                            dp[j] += At(dContext, row, h * dh + c) * Read(v, prefixV, h, j, c);
                        }
                    var delta = p.Zip(dp, (a, b) => a * b).Sum();
                    for (var j = 0; j < keys; j++)
                        for (var c = 0; c < dh; c++)
                        {
                            var ds = p[j] * (dp[j] - delta) * shape.Scale * (shape.Cap == 0 || p[j] == 0 ? 1 : 1 - Math.Pow(z[j] / shape.Cap, 2));
                            dq[row, h * dh + c] += ds * Read(k, prefixK, h, j, c);
                            if (j < prefix) continue;
                            dk[first + j - prefix, h * dh + c] += ds * At(q, row, h * dh + c);
                            dv[first + j - prefix, h * dh + c] += p[j] * At(dContext, row, h * dh + c);
                        }
                }
        }
        return (context, normalizers, dq, dk, dv);
    }
}
