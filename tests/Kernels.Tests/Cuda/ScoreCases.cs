namespace Faith.Kernels.Tests.Cuda;

internal static class ScoreCases
{
    public static IEnumerable<OpCase> All =>
    [
        .. from s in ((int Rows, int Heads, int HeadDim, int Group)[])[(1, 1, 1, 1), (3, 4, 5, 2), (2, 12, 64, 3), (5, 9, 40, 1)]
           from zero in (bool[])[true, false]
           select new OpCase("AccumulateSplitGradient",
               $"{s.Rows} rows, {s.Heads} heads of {s.HeadDim}, groups of {s.Group}{(zero ? "" : ", no b′")}",
               c => Split(c, s.Rows, s.Heads, s.HeadDim, s.Group, zero)),
        new("ContractScores", "LayerNorm", c => Contract(new ContractionSetup(c, [3, 1, 4], layers: 2, heads: 3, headDim: 4, group: 1,
            steps: 2, centred: true, parallel: false))),
        new("ContractScores", "RMSNorm, shared heads, bfloat16",
            c => Contract(new ContractionSetup(c, [2, 5], 2, heads: 4, headDim: 8, group: 2, steps: 3, centred: false, parallel: false,
            precision: WeightPrecision.BFloat16))),
        new("ContractScores", "parallel, stored transposed",
            c => Contract(new ContractionSetup(c, [3], 3, heads: 2, headDim: 4, group: 1, steps: 1, centred: true, parallel: true,
            stored: true))),
        new("ContractScores", "MLP of the last row only", c =>
            Contract(new ContractionSetup(c, [4, 2], 2, heads: 2, headDim: 6, group: 2, steps: 2, centred: true, parallel: false,
            lastMlpOnly: true))),
        new("ContractScores", "values alone, no steps", c =>
            Contract(new ContractionSetup(c, [4, 2], 2, heads: 4, headDim: 6, group: 2, steps: 0, centred: true, parallel: false,
            lastMlpOnly: true, valuesAlone: true))),
        new("ContractScores", "values alone", c =>
            Contract(new ContractionSetup(c, [2, 3], 2, heads: 3, headDim: 4, group: 1, steps: 2, centred: false, parallel: true,
            valuesAlone: true))),
        // Tiles of 16 rows and packs of several sequences.
        new("ContractScores", "long sequences", c =>
            Contract(new ContractionSetup(c, [3, 35, 1, 16, 17, 2], 2, heads: 3, headDim: 4, group: 1, steps: 2, centred: true, parallel: false,
            lastMlpOnly: true))),
        new("ContractScores", "long sequences, unaligned", c =>
            Contract(new ContractionSetup(c, [5, 20, 9], 2, heads: 3, headDim: 5, group: 3, steps: 1, centred: false, parallel: false))),
        // 61 columns in two tiles of 32; 37 and, of bfloat16, 34 columns in a tile of 40.
        new("ContractScores", "more columns than a tile", c =>
            Contract(new ContractionSetup(c, [2, 1], 1, heads: 20, headDim: 3, group: 1, steps: 7, centred: true, parallel: false))),
        new("ContractScores", "more columns than a tile, aligned", c =>
            Contract(new ContractionSetup(c, [2, 1], 1, heads: 20, headDim: 4, group: 1, steps: 7, centred: true, parallel: false))),
        // 178 columns in five tiles.
        new("ContractScores", "many tiles of columns", c =>
            Contract(new ContractionSetup(c, [2], 1, heads: 59, headDim: 4, group: 1, steps: 0, centred: true, parallel: false))),
        new("ContractScores", "forty columns", c =>
            Contract(new ContractionSetup(c, [7, 9], 2, heads: 12, headDim: 3, group: 2, steps: 2, centred: true, parallel: false, stored: true))),
        new("ContractScores", "forty columns, aligned", c =>
            Contract(new ContractionSetup(c, [7, 9], 2, heads: 12, headDim: 4, group: 2, steps: 2, centred: true, parallel: false, stored: true))),
        new("ContractScores", "forty columns, bfloat16", c =>
            Contract(new ContractionSetup(c, [7, 9], 2, heads: 11, headDim: 2, group: 1, steps: 2, centred: true, parallel: false,
            precision: WeightPrecision.BFloat16))),
        new("ContractScores", "forty columns, bfloat16, aligned", c =>
            Contract(new ContractionSetup(c, [7, 9], 2, heads: 11, headDim: 12, group: 1, steps: 2, centred: true, parallel: false,
            precision: WeightPrecision.BFloat16))),
        new("ContractScores", "bfloat16, stored transposed, aligned", c =>
            Contract(new ContractionSetup(c, [7, 9], 2, heads: 4, headDim: 20, group: 2, steps: 2, centred: false, parallel: false,
            precision: WeightPrecision.BFloat16, stored: true))),
        // Up to 141 sources in tiles of 96.
        new("ContractScores", "more sources than a tile", c =>
            Contract(new ContractionSetup(c, [1, 2], 8, heads: 19, headDim: 2, group: 1, steps: 1, centred: false, parallel: false))),
        new("ContractScores", "more sources than a tile, aligned", c =>
            Contract(new ContractionSetup(c, [1, 17], 8, heads: 19, headDim: 4, group: 1, steps: 3, centred: true, parallel: false))),
        // Widths of 301 and 304 in 19 parts of 16, and of 1028 in 33 of 32.
        new("ContractScores", "many parts", c =>
            Contract(new ContractionSetup(c, [1, 2], 2, heads: 3, headDim: 99, group: 1, steps: 2, centred: true, parallel: false))),
        new("ContractScores", "many parts, aligned", c =>
            Contract(new ContractionSetup(c, [1, 2], 2, heads: 3, headDim: 100, group: 3, steps: 2, centred: true, parallel: false))),
        new("ContractScores", "parts of several tiles of d", c =>
            Contract(new ContractionSetup(c, [3], 1, heads: 4, headDim: 256, group: 2, steps: 1, centred: false, parallel: false))),
        new("ContractScores", "forty columns, parts of several tiles of d, unaligned", c =>
            Contract(new ContractionSetup(c, [18, 1], 1, heads: 13, headDim: 79, group: 13, steps: 1, centred: false, parallel: true))),
    ];

    private static Outcome[] Split(OpContext c, int rows, int heads, int headDim, int group, bool zero)
    {
        const int width = 48;
        const float weight = 0.3f;
        var (g, dg) = c.Random(rows, heads * headDim, heads * headDim + 1);
        var (p, dp) = c.Random(rows, heads / group * headDim);
        var (z, dz) = c.Random(1, heads / group * headDim);
        var (inverse, dInverse) = c.Random(rows, 1);
        var (alpha, dAlpha) = c.Random(rows, heads * headDim, heads * headDim + 2);
        var s = c.Arena.New(rows, heads, heads + 1);
        var (alone, dAlone) = c.Random(rows, heads * headDim);
        c.Device.AccumulateSplitGradient(dg, dp, zero ? dz : default, dInverse, width, headDim, group, weight, dAlpha, s);
        c.Device.AccumulateSplitGradient(dg, default, default, dInverse, width, headDim, group, weight, dAlone, default);
        var expected = new double[rows * heads];
        for (var r = 0; r < rows; r++)
            for (var h = 0; h < heads; h++)
            {
                for (var i = 0; i < headDim; i++)
                {
                    var shared = h / group * headDim + i;
                    expected[r * heads + h] += (p[r * heads / group * headDim + shared] - (zero ? (double)z[shared] : 0)) * g[(r * heads
                        + h) * headDim + i];
                }
                expected[r * heads + h] *= weight * (double)inverse[r] / width;
            }
        return [Outcome.Element("alpha", c.Arena.Get(dAlpha),
            [.. alpha.Select((a, i) => a + weight * (double)g[i] * inverse[i / (heads * headDim)])], absolute: 3e-7),
            Outcome.Element("alpha alone", c.Arena.Get(dAlone),
            [.. alone.Select((a, i) => a + weight * (double)g[i] * inverse[i / (heads * headDim)])], absolute: 3e-7),
            Outcome.Sum("s", c.Arena.Get(s), expected)];
    }

    private static Outcome[] Contract(ContractionSetup setup)
    {
        setup.Device.ContractScores(setup.Contraction);
        return [Outcome.Sum("scores", setup.Scores(), setup.Expected())];
    }
}

/// <summary>Random operands of a contraction and its scores by the formula.</summary>
internal sealed class ContractionSetup
{
    private readonly OpContext _context;
    private readonly int _layers, _heads, _headDim, _group, _steps, _width, _rows;
    private readonly bool _centred, _parallel;
    private readonly float[] _input, _before, _logits;
    private readonly float[][] _contexts, _mlps, _scale, _alpha, _normalized, _products, _mlpGradient;
    private readonly TestMatrix[] _output, _fused;

    public ContractionSetup(OpContext c, int[] lengths, int layers, int heads, int headDim, int group, int steps, bool centred,
        bool parallel,
        WeightPrecision precision = WeightPrecision.Float32, bool stored = false, bool lastMlpOnly = false, bool valuesAlone = false)
    {
        (_context, _layers, _heads, _headDim, _group, _steps, _centred, _parallel) = (c, layers, heads, headDim, group, steps, centred,
            parallel);
        _width = heads * headDim + 4;
        var none = new int[lengths.Length];
        Layout = c.Arena.Prepare(new Ragged(lengths, none, none, lastQueryOnly: false));
        _rows = Layout.Rows;
        var each = Enumerable.Range(0, layers).ToArray();
        int own = heads * headDim, fused = own + 2 * own / group;
        _input = c.Values(_rows * _width);
        _contexts = [.. each.Select(_ => c.Values(_rows * own))];
        _mlps = [.. each.Select(_ => c.Values(_rows * _width))];
        _scale = [.. each.Select(_ => c.Values(_width))];
        _alpha = [.. each.Select(_ => c.Values(_rows * 3 * own))];
        _products = [.. each.Select(_ => c.Values(steps * _rows * 3 * heads))];
        // What the contract says is centred is made so.
        _normalized = [.. each.Select(_ => Centre(c.Values(steps * _rows * _width)))];
        _mlpGradient = [.. each.Select(l => Centre(c.Values((lastMlpOnly && l == layers - 1 ? lengths.Length : _rows) * _width)))];
        _logits = Centre(c.Values(lengths.Length * _width));
        _output = [.. each.Select(_ => new TestMatrix(c.Values(own * _width), own, _width, stored, precision))];
        _fused = [.. each.Select(_ => new TestMatrix(c.Values(_width * fused), _width, fused, stored, precision))];
        _before = c.Values(lengths.Length * Sources * Columns);
        Contraction = new()
        {
            Layout = Layout,
            Layers = layers,
            Heads = heads,
            HeadDim = headDim,
            Group = group,
            Centred = centred,
            Parallel = parallel,
            ValuesAlone = valuesAlone,
            ReducesLastLayer = lastMlpOnly,
            InputDifference = c.Arena.Put(_input, _rows, _width, _width + 1),
            ContextDifference = [.. _contexts.Select(x => c.Arena.Put(x, _rows, own))],
            MlpDifference = [.. _mlps.Select(x => c.Arena.Put(x, _rows, _width))],
            Output = [.. _output.Select(c.Arena.Put)],
            QueryKeyValue = [.. _fused.Select(c.Arena.Put)],
            NormScale = [.. _scale.Select(x => c.Arena.Put(x, 1, _width))],
            Alpha = [.. _alpha.Select(x => c.Arena.Put(x, _rows, 3 * own))],
            NormalizedInputs = [.. _normalized.Select(x => c.Arena.Put(x, steps * _rows, _width))],
            StepProducts = [.. _products.Select(x => c.Arena.Put(x, steps * _rows, 3 * heads))],
            Steps = steps,
            MlpGradient = [.. _mlpGradient.Select(x => c.Arena.Put(x, x.Length / _width, _width))],
            LogitsGradient = c.Arena.Put(_logits, lengths.Length, _width),
            Scores = c.Arena.Put(_before, lengths.Length, Sources * Columns),
        };
    }

    public ScoreContraction Contraction { get; }

    public Ragged Layout { get; }

    public Device Device => _context.Device;

    private int Sources => 1 + _layers * (_heads + 1);

    private int Columns => _layers * (3 * _heads + 1) + 1;

    public float[] Scores() => _context.Arena.Get(Contraction.Scores);

    private float[] Centre(float[] x)
    {
        for (var start = 0; _centred && start < x.Length; start += _width)
        {
            var mean = x.AsSpan(start, _width).ToArray().Average();
            for (var j = 0; j < _width; j++)
                x[start + j] -= mean;
        }
        return x;
    }

    /// <summary>Every edge by the formula of <see cref="ScoreContraction"/>, row by row.</summary>
    public double[] Expected()
    {
        var scores = Reference.Map(_before, v => v);
        for (var example = 0; example < Layout.Sequences; example++)
            for (var row = Layout.Offsets[example]; row < Layout.Offsets[example + 1]; row++)
            {
                var last = row == Layout.Offsets[example + 1] - 1;
                var differences = Enumerable.Range(0, Sources).Select(u => Difference(u, row)).ToArray();
                void Add(int sources, int column, double[] gradient)
                {
                    for (var u = 0; u < sources; u++)
                        scores[(example * Sources + u) * Columns + column] += differences[u].Zip(gradient, (a, b) => a * b).Sum();
                }
                for (var l = 0; l < _layers; l++)
                {
                    var before = 1 + l * (_heads + 1);
                    for (var v = Contraction.ValuesAlone ? 2 * _heads : 0; v < 3 * _heads; v++)
                        Add(before, l * (3 * _heads + 1) + v, Gradient(l, row, v));
                    var mlp = _mlpGradient[l];
                    var everyRow = mlp.Length == _rows * _width;
                    if (everyRow || last)
                        Add(before + (_parallel ? 0 : _heads), l * (3 * _heads + 1) + 3 * _heads,
                            [.. Reference.Row(mlp, everyRow ? row : example, _width)]);
                }
                if (last)
                    Add(Sources, Columns - 1, [.. Reference.Row(_logits, example, _width)]);
            }
        return scores;
    }

    private double[] Difference(int u, int row)
    {
        if (u == 0)
            return [.. Reference.Row(_input, row, _width)];
        int l = (u - 1) / (_heads + 1), h = (u - 1) % (_heads + 1);
        if (h == _heads)
            return [.. Reference.Row(_mlps[l], row, _width)];
        return [.. Enumerable.Range(0, _width).Select(j => Enumerable.Range(0,
            _headDim).Sum(i => _contexts[l][row * _heads * _headDim + h * _headDim + i] * (double)_output[l][h * _headDim + i, j]))];
    }

    // G_v = P(γ⊙(W_v·α_v)) − Σ_k x̂_k·s_{v,k}
    private double[] Gradient(int l, int row, int v)
    {
        int kind = v / _heads, h = v % _heads, own = _heads * _headDim;
        var firstColumn = kind == 0 ? h * _headDim : own + (kind - 1) * own / _group + h / _group * _headDim;
        var g = Enumerable.Range(0, _width).Select(j => _scale[l][j]
            * Enumerable.Range(0, _headDim).Sum(i => _alpha[l][row * 3 * own + v * _headDim + i] * (double)_fused[l][j,
                firstColumn + i])).ToArray();
        var mean = _centred ? g.Average() : 0;
        for (var j = 0; j < _width; j++)
        {
            g[j] -= mean;
            for (var k = 0; k < _steps; k++)
                g[j] -= _normalized[l][(k * _rows + row) * _width + j] * (double)_products[l][(k * _rows + row) * 3 * _heads + v];
        }
        return g;
    }
}
