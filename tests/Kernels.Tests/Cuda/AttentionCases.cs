namespace Faith.Kernels.Tests.Cuda;

internal static class AttentionCases
{
    private sealed record Setup(string Name, int Heads, int HeadDim, int SuffixGroup, int PrefixGroup, int[] Lengths, int[] Prefixes,
        bool LastOnly);

    private static readonly Setup[] Setups =
    [
        new("one key", 1, 4, 1, 1, [1], [0], false),
        new("short, no prefix", 2, 8, 1, 1, [3, 5], [0, 0], false),
        new("prefixes, shared heads", 4, 12, 2, 4, [2, 9, 1], [5, 0, 33], false),
        new("last row only", 4, 16, 1, 2, [7, 1, 12], [3, 31, 0], true),
        new("several tiles", 1, 64, 1, 1, [70], [30], false),
        new("several tiles, keys only", 2, 33, 2, 2, [40, 3], [0, 0], true),
        new("whole tiles of suffix and prefix", 2, 64, 1, 2, [64, 32], [96, 32], false),
        new("suffixes of two tiles, shared heads", 2, 64, 2, 1, [33, 5, 64], [70, 0, 1], false),
        new("suffixes of two tiles, last row only", 2, 60, 1, 1, [33, 64, 1], [33, 0, 64], true),
        new("width 64, longer, last row only", 1, 64, 1, 1, [65, 2], [3, 0], true),
        new("width 80", 2, 80, 1, 1, [4, 11], [2, 0], false),
        new("width 128, shared heads", 2, 128, 2, 1, [3], [40], false),
        new("width 128, a whole tile", 2, 128, 1, 2, [32, 17, 1], [33, 0, 65], false),
        new("width 100, longer", 1, 100, 1, 1, [33, 4], [0, 9], false),
        new("width 128, longer, last row only", 1, 128, 1, 1, [40], [2], true),
        new("width 256", 1, 256, 1, 1, [6], [1], false),
        new("width 129", 2, 129, 1, 2, [2, 5], [0, 35], false),
    ];

    public static IEnumerable<OpCase> All =>
    [
        .. Setups.Select(s => new OpCase("AttentionForward", s.Name, c => Forward(c, s))),
        .. Setups.Select(s => new OpCase("AttentionBackward", s.Name, c => Backward(c, s))),
        .. Setups.Select(s => new OpCase("AttentionBackward", s.Name + " of values", c => ValuesBackward(c, s))),
    ];

    private sealed record Operands(Ragged Layout, AttentionShape Shape, float[] Q, float[] K, float[] V, float[] PrefixK, float[] PrefixV,
        Tensor[] OnDevice);

    private static Operands Create(OpContext c, Setup s)
    {
        // Prefixes overlap in the prefix matrices: sequences may share one.
        var prefixRows = s.Prefixes.Max() + 2;
        var offsets = s.Prefixes.Select(p => p == 0 ? 0 : prefixRows - p).ToArray();
        var layout = c.Arena.Prepare(new Ragged(s.Lengths, offsets, s.Prefixes, s.LastOnly));
        var width = s.Heads * s.HeadDim;
        var (q, dq) = c.Random(layout.QueryRows, width, width + 1, 3);
        var (k, dk) = c.Random(layout.Rows, width / s.SuffixGroup, 0, 3);
        var (v, dv) = c.Random(layout.Rows, width / s.SuffixGroup, width + 7);
        var (pk, dpk) = c.Random(prefixRows, width / s.PrefixGroup, 0, 3);
        var (pv, dpv) = c.Random(prefixRows, width / s.PrefixGroup);
        var anyPrefix = s.Prefixes.Max() > 0;
        return new(layout, new(s.Heads, s.HeadDim, s.SuffixGroup, s.PrefixGroup, 1 / MathF.Sqrt(s.HeadDim)), q, k, v, pk, pv,
            [dq, dk, dv, anyPrefix ? dpk : default, anyPrefix ? dpv : default]);
    }

    private static Outcome[] Forward(OpContext c, Setup s)
    {
        var o = Create(c, s);
        var (context, normalizers) = (c.Arena.New(o.Layout.QueryRows, s.Heads * s.HeadDim, s.Heads * s.HeadDim + 2),
            c.Arena.New(o.Layout.QueryRows, 2 * s.Heads));
        c.Device.AttentionForward(o.Layout, o.Shape, o.OnDevice[0], o.OnDevice[1], o.OnDevice[2], o.OnDevice[3], o.OnDevice[4], context,
            normalizers);
        var expected = new Literal(o);
        return [Outcome.Sum("context", c.Arena.Get(context), expected.Context),
            Outcome.Sum("normalizers", c.Arena.Get(normalizers), expected.Normalizers, 2e-6)];
    }

    private static Outcome[] Backward(OpContext c, Setup s)
    {
        var o = Create(c, s);
        var width = s.Heads * s.HeadDim;
        var (context, normalizers) = (c.Arena.New(o.Layout.QueryRows, width), c.Arena.New(o.Layout.QueryRows, 2 * s.Heads));
        var (gradient, dGradient) = c.Random(o.Layout.QueryRows, width, width + 3);
        var (dq, dk, dv) = (c.Arena.New(o.Layout.QueryRows, width), c.Arena.New(o.Layout.Rows, width, width + 1),
            c.Arena.New(o.Layout.Rows, width));
        c.Device.AttentionForward(o.Layout, o.Shape, o.OnDevice[0], o.OnDevice[1], o.OnDevice[2], o.OnDevice[3], o.OnDevice[4], context,
            normalizers);
        c.Device.AttentionBackward(o.Layout, o.Shape, o.OnDevice[0], o.OnDevice[1], o.OnDevice[2], o.OnDevice[3], o.OnDevice[4], context,
            normalizers, dGradient, dq, dk, dv);
        var expected = new Literal(o, gradient);
        return [Outcome.Sum("dq", c.Arena.Get(dq), expected.Dq, terms: 0.01), Outcome.Sum("dk", c.Arena.Get(dk), expected.Dk, terms: 0.01),
            Outcome.Sum("dv", c.Arena.Get(dv), expected.Dv, terms: 0.01)];
    }

    private static Outcome[] ValuesBackward(OpContext c, Setup s)
    {
        var o = Create(c, s);
        var width = s.Heads * s.HeadDim;
        var (context, normalizers) = (c.Arena.New(o.Layout.QueryRows, width), c.Arena.New(o.Layout.QueryRows, 2 * s.Heads));
        var (gradient, dGradient) = c.Random(o.Layout.QueryRows, width, width + 3);
        var dv = c.Arena.New(o.Layout.Rows, width, width + 1);
        c.Device.AttentionForward(o.Layout, o.Shape, o.OnDevice[0], o.OnDevice[1], o.OnDevice[2], o.OnDevice[3], o.OnDevice[4], context,
            normalizers);
        c.Device.AttentionBackward(o.Layout, o.Shape, o.OnDevice[0], o.OnDevice[1], default, o.OnDevice[3], default, default, normalizers, dGradient, default, default, dv);
        return [Outcome.Sum("dv", c.Arena.Get(dv), new Literal(o, gradient).Dv, terms: 0.01)];
    }

    /// <summary>Query by query, head by head, key by key.</summary>
    private sealed class Literal
    {
        public double[] Context { get; }
        public double[] Normalizers { get; }
        public double[] Dq { get; }
        public double[] Dk { get; }
        public double[] Dv { get; }

        public Literal(Operands o, float[]? gradient = null)
        {
            var (layout, shape) = (o.Layout, o.Shape);
            int width = shape.Heads * shape.HeadDim, dh = shape.HeadDim;
            Context = new double[layout.QueryRows * width];
            Normalizers = new double[layout.QueryRows * 2 * shape.Heads];
            Dq = new double[layout.QueryRows * width];
            Dk = new double[layout.Rows * width];
            Dv = new double[layout.Rows * width];
            for (var s = 0; s < layout.Sequences; s++)
                for (var row = layout.QueryOffsets[s]; row < layout.QueryOffsets[s + 1]; row++)
                    for (var h = 0; h < shape.Heads; h++)
                    {
                        var prefix = layout.PrefixLengths[s];
                        var suffixKeys = layout.Offsets[s + 1] - layout.Offsets[s] - (layout.QueryOffsets[s + 1] - 1 - row);
                        double At(float[] own, float[] before, int key, int column) => key < prefix
                            ? before[(layout.PrefixOffsets[s] + key) * (width / shape.PrefixGroup) + h / shape.PrefixGroup * dh + column]
                            : own[(layout.Offsets[s] + key - prefix) * (width / shape.SuffixGroup) + h / shape.SuffixGroup * dh + column];
                        var columns = Enumerable.Range(0, dh).ToArray();
                        var q = columns.Select(i => (double)o.Q[row * width + h * dh + i]).ToArray();
                        var scores = Enumerable.Range(0, prefix
                            + suffixKeys).Select(key => shape.Scale * columns.Sum(i => q[i] * At(o.K, o.PrefixK, key, i))).ToArray();
                        var p = Reference.Softmax(scores);
                        var at = 2 * (row * shape.Heads + h);
                        (Normalizers[at], Normalizers[at + 1]) = (scores.Max(), 1 / scores.Sum(v => Math.Exp(v - scores.Max())));
                        foreach (var i in columns)
                            for (var key = 0; key < p.Length; key++)
                                Context[row * width + h * dh + i] += p[key] * At(o.V, o.PrefixV, key, i);
                        if (gradient is null)
                            continue;
                        var g = columns.Select(i => (double)gradient[row * width + h * dh + i]).ToArray();
                        var dp = p.Select((_, key) => columns.Sum(i => g[i] * At(o.V, o.PrefixV, key, i))).ToArray();
                        var mean = p.Zip(dp, (a, b) => a * b).Sum();
                        for (var key = 0; key < p.Length; key++)
                            foreach (var i in columns)
                            {
                                var slope = p[key] * (dp[key] - mean) * shape.Scale;
                                Dq[row * width + h * dh + i] += slope * At(o.K, o.PrefixK, key, i);
                                if (key < prefix)
                                    continue;
                                var own = (layout.Offsets[s] + key - prefix) * width + h * dh + i;
                                Dk[own] += slope * q[i];
                                Dv[own] += p[key] * g[i];
                            }
                    }
        }
    }
}
