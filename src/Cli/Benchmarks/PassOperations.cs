using System.Runtime.InteropServices;
using Faith.Engine.Attribution;
using Faith.Engine.Data;
using Faith.Engine.Models;
using Faith.Engine.Passes;
using Faith.Engine.Planning;
using Faith.Kernels;

namespace Faith.Cli.Benchmarks;

/// <summary>
/// The operations that the passes of a model are made of, one by one, on random operands of the shapes that a pass has: the one
/// list that all timings of single operations go through.
/// </summary>
internal sealed class PassOperations : IDisposable
{
    private const int MixedInputs = 4, MixedSources = 8, SourcesOfInput = 5;

    private readonly Transformer model;
    private readonly ModelConfig c;
    private readonly Device device;
    private readonly int weightBytes;
    private readonly Batch batch;
    private readonly DeviceBuffer memory;
    private readonly List<PassOperation> all = [];
    private int nextLayer;

    /// <summary>Lays out the operands.</summary>
    /// <param name="model">The model; products go through its layers in turn, so that their weights come from memory as in a pass.</param>
    /// <param name="precision">How its matrices are stored.</param>
    /// <param name="rows">Rows of a pass.</param>
    /// <param name="tokens">Rows of a sequence; the last one has what is left.</param>
    /// <param name="steps">Steps that the contraction takes together.</param>
    /// <exception cref="DeviceMemoryException">The operands do not fit.</exception>
    public PassOperations(Transformer model, WeightPrecision precision, int rows, int tokens, int steps)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(tokens, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        (this.model, c, device) = (model, model.Config, model.Device);
        weightBytes = precision == WeightPrecision.Float32 ? 4 : 2;
        batch = new Batch(model.Config, [.. Enumerable.Range(0, (rows + tokens - 1) / tokens).Select(i => Example(Math.Min(tokens, rows - i * tokens)))], sharePrefixes: false);
        model.Admit(batch.Examples);
        var size = Arena.Measuring();
        _ = new Operands(this, size, measuring: true, steps);
        memory = device.Allocate(size.Peak);
        try
        {
            Randomise();
            var operands = new Operands(this, new Arena(memory), measuring: false, steps);
            AddElements(operands);
            AddNorms(operands);
            AddProducts(operands);
            AddActivations(operands);
            AddAttention(operands);
            AddScores(operands, steps);
            AddMetrics(operands);
            AddCircuits(operands);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The operations, in the order of a run.</summary>
    public IReadOnlyList<PassOperation> All => all;

    /// <inheritdoc/>
    public void Dispose() => memory.Dispose();

    private double Elements => (double)batch.Rows * c.Width;

    private void AddElements(Operands o)
    {
        var ofTable = Elements * weightBytes / sizeof(float);
        Add("GatherRows", ofTable + Elements, 0, () => device.GatherRows(model.Embedding, o.TokenRows, 1, o.Y));
        Add("GatherRows, added", ofTable + 2 * Elements, 0, () => device.GatherRows(model.Embedding, o.TokenRows, 1, o.Y, add: true));
        Add("ScatterAddRows", 3.0 * batch.Sequences * c.Width, 0, () => device.ScatterAddRows(o.Last, o.Layout.LastRows, o.Y));
        Add("Fill", Elements, 0, () => device.Fill(o.Y, 1));
        Add("Copy", 2 * Elements, 0, () => device.Copy(o.X, o.Y));
        Add("AddScaled", 3 * Elements, 0, () => device.AddScaled(o.X, 1e-9f, o.Y));
        Add("Scale", 2 * Elements, 0, () => device.Scale(o.Y, 0.5f));
        Add("Subtract", 3 * Elements, 0, () => device.Subtract(o.X, o.Z, o.Y));
        Add("MultiplyElements", 3 * Elements, 0, () => device.MultiplyElements(o.X, o.Z, o.Y));
        Add("Interpolate", 3 * Elements, 0, () => device.Interpolate(o.X, o.Z, 0.4f, o.Y));
    }

    private void AddNorms(Operands o)
    {
        var norm = model.FinalNorm;
        Add("NormForward", 3 * Elements, 0, () => norm.Forward(o.X, o.Y, o.Z, o.InverseSigma));
        Add("NormBackward", 4 * Elements, 0, () => norm.Backward(o.X, o.Z, o.InverseSigma, add: true, o.Y));
        Add("NormDifferential", 3 * Elements, 0, () => device.NormDifferential(o.X, norm.Scale, o.Z, o.InverseSigma, model.Centred, o.Y));
    }

    private void AddProducts(Operands o)
    {
        foreach (var side in (WeightSide[])[WeightSide.Forward, WeightSide.Transposed])
        {
            Product("projection", side, l => l.Projection, o.Y, o.Projection);
            Product("output", side, l => l.Output, o.Context, o.Y);
            Product("up", side, l => l.Up, o.Y, o.Up);
            Product("down", side, l => l.Down, o.Hidden, o.Y);
        }
    }

    private void Product(string matrix, WeightSide side, Func<TransformerLayer, Weights> weights, Tensor inputs, Tensor outputs, Epilogue then = default)
    {
        var (x, y) = side == WeightSide.Forward ? (inputs, outputs) : (outputs, inputs);
        var shape = (double)x.Columns * y.Columns;
        var name = $"Multiply {matrix}{(side == WeightSide.Forward ? "" : ", transposed")} {x.Columns} → {y.Columns}";
        var (elements, flops) = (batch.Rows * (double)(x.Columns + y.Columns) + shape * weightBytes / sizeof(float), 2 * batch.Rows * shape);
        if (then.Kind != EpilogueKind.None)
        {
            name += $", then {then}";
            // The gradient takes the place of what it is of.
            elements += (then.IsGateBackward ? 2.0 : 1.0) * then.Operand.Count;
        }
        Add(name, elements, flops, () => device.Multiply(weights(NextLayer()), side, x, y, then: then));
    }

    private void AddActivations(Operands o)
    {
        var hidden = (double)batch.Rows * c.MlpWidth;
        foreach (var slope in Enum.GetValues<ActivationSlope>())
        {
            var activation = new Activation(c.Activation, c.Gated, slope);
            var other = c.Gated ? o.Hidden : o.UpGradient;
            // Gated, what a slope stands for is read backwards alone.
            if (!c.Gated || slope == ActivationSlope.Derivative)
            {
                Add($"Activate {activation}", 3 * hidden, 0, () => device.Activate(activation, o.Up, o.Hidden, c.Gated ? default : o.UpGradient));
                Product("up", WeightSide.Forward, l => l.Up, o.Y, o.Up, new(EpilogueKind.Activate, activation, other));
            }
            if (c.Gated) Add($"GateBackward {activation}", 5 * hidden, 0, () => device.GateBackward(activation, o.Up, o.Hidden, o.UpGradient));
            if (c.Gated || slope == ActivationSlope.Derivative) Product("down", WeightSide.Transposed, l => l.Down, o.Hidden, o.Y, new(EpilogueKind.Backward, activation, o.UpGradient));
        }
    }

    private void AddAttention(Operands o)
    {
        var (queries, keys, heads) = ((double)batch.Rows * c.QueryWidth, (double)batch.Rows * c.KeyWidth, (double)batch.Rows * c.Heads);
        if (model.Layers[0].QueryNorm is { } queryNorm) Add("NormForward of heads", 2 * queries, 0, () => queryNorm.Forward(o.Query, o.Context));
        if (model.Angles(0) is { } angles)
        {
            Add("Rotary", 2 * queries, 0, () => angles.Rotate(device, o.Query, o.Layout.Angles, c.HeadDim, inverse: false, o.Context));
        }
        // q·k and p·v of every pair that may see each other. The gradients are twice as many products and one more: probabilities are not kept, so q·k is computed again.
        var flops = batch.SuffixLengths.Sum(n => FloorCount.Attention(c, 0, 0, n));
        Add("AttentionForward", 2 * queries + 2 * keys + heads, flops,
            () => device.AttentionForward(o.Layout.All, model.Attention(0), o.Query, o.Key, o.Value, default, default, o.Context, o.Normalizers));
        Add("AttentionBackward", 6 * queries + 2 * keys + heads, 2.5 * flops,
            () => device.AttentionBackward(o.Layout.All, model.Attention(0), o.Query, o.Key, o.Value, default, default, o.Context, o.Normalizers, o.ContextGradient, o.QueryGradient, o.KeyGradient, o.ValueGradient));
        // Of the gradients' products one, and q·k.
        Add("AttentionBackward of values", 3 * queries + keys + heads, flops,
            () => device.AttentionBackward(o.Layout.All, model.Attention(0), o.Query, o.Key, default, default, default, default, o.Normalizers, o.ContextGradient, default, default, o.ValueGradient));
        if (c.Group > 1) Add("SumHeadGroups", queries + keys, 0, () => device.SumHeadGroups(o.KeyGradient, c.HeadDim, c.Group, o.Key));
    }

    private void AddScores(Operands o, int steps)
    {
        var (queries, heads) = ((double)batch.Rows * c.QueryWidth, (double)batch.Rows * c.Heads);
        Add("AccumulateSplitGradient", 4 * queries + heads, 0, () => device.AccumulateSplitGradient(o.QueryGradient, o.Query, default, o.InverseSigma, c.Width, c.HeadDim, 1, 1e-9f,
            o.Sums.Alpha[0].ColumnRange(0, c.QueryWidth), o.Sums.StepProducts[0].RowRange(0, batch.Rows).ColumnRange(0, c.Heads)));
        var layer = 4 * queries + (2 + steps) * Elements + 3 * steps * heads + c.Width * (double)(c.ProjectionWidth + c.QueryWidth) * weightBytes / sizeof(float);
        var contraction = o.Contraction(model, steps);
        Add("ContractScores", Elements + c.Layers * layer + 2.0 * contraction.Scores.Count, batch.SuffixLengths.Sum(n => FloorCount.Contraction(c, n)), () => device.ContractScores(contraction));
    }

    private void AddMetrics(Operands o)
    {
        var (rows, logits, d) = (batch.Sequences, o.Logits, (double)c.Width);
        Add("SparseLogits", (2 + 2.0 * weightBytes / sizeof(float)) * rows * d, 0, () => device.SparseLogits(o.Last, model.Head, o.EntryOffsets, o.EntryTokens, o.EntryWeights, o.Values, o.LastGradient));
        Add($"Multiply unembedding {c.Width} → {c.Vocabulary}", rows * d + logits.Count + d * c.Vocabulary * weightBytes / sizeof(float), 2 * d * logits.Count,
            () => device.Multiply(model.Head.Unembedding, WeightSide.Transposed, o.Last, logits));
        Add("SoftCap", 2.0 * logits.Count, 0, () => device.SoftCap(logits, 30, o.LogitsGradient));
        Add("SoftCapBackward", 3.0 * logits.Count, 0, () => device.SoftCapBackward(logits, 30, o.LogitsGradient, o.LogitsGradient));
        Add("SoftmaxMetric", 2.0 * logits.Count, 0, () => device.SoftmaxMetric(logits, o.EntryOffsets, o.EntryTokens, o.EntryWeights, o.Values, o.LogitsGradient));
        Add("DivergenceMetric kl", 3.0 * logits.Count, 0, () => device.DivergenceMetric(logits, o.Reference, jensenShannon: false, o.Values, o.LogitsGradient));
        Add("DivergenceMetric js", 3.0 * logits.Count, 0, () => device.DivergenceMetric(logits, o.Reference, jensenShannon: true, o.Values, o.LogitsGradient));
    }

    private void AddCircuits(Operands o)
    {
        var read = (1 + MixedSources) * Elements;
        var norm = model.FinalNorm;
        var mix = new NormedMix(o.X, o.MixSources, o.MixOffsets, o.MixList, norm.Scale, norm.Shift, c.NormEpsilon, model.Centred);
        Add("Mix", read + MixedInputs * Elements, 0, () => device.Mix(mix, o.MixInputs));
        // A head's columns of each input.
        MixedProduct[] products = [.. Enumerable.Range(0, MixedInputs).Select(i => new MixedProduct(i, 0, o.MixedHeads.RowRange(i * batch.Rows, batch.Rows), default))];
        var columns = (double)MixedInputs * c.HeadDim;
        Add($"MultiplyMixed {c.Width} → {c.HeadDim}", read + batch.Rows * columns + c.Width * (double)c.HeadDim * weightBytes / sizeof(float), 2 * batch.Rows * c.Width * columns,
            () => device.MultiplyMixed(mix, NextLayer().Projection, products, o.MixInputs));
        Tensor Each(Tensor x, int matrices) => new(x.Buffer!, x.Offset, matrices, x.Rows / matrices * x.Columns);
        Tensor sources = Each(o.MixSources, MixedSources), inputs = Each(o.MixInputs, MixedInputs), scores = o.MixScores;
        var flops = 2 * MixedInputs * MixedSources * Elements;
        Add("Combine", (1 + MixedSources + MixedInputs) * Elements, flops, () => device.Combine(o.MixWeights, sources, Each(o.X, 1), inputs));
        Add("ContractRows", (MixedSources + MixedInputs) * Elements, flops, () => device.ContractRows(o.Layout.All, sources, inputs, MixedInputs, scores));
    }

    private void Add(string name, double elements, double flops, Action run) => all.Add(new(name, sizeof(float) * elements, flops, run));

    private TransformerLayer NextLayer() => model.Layers[nextLayer = (nextLayer + 1) % model.Layers.Length];

    private Example Example(int length)
    {
        var random = new Random(length);
        int[] tokens = [.. Enumerable.Range(0, length).Select(_ => random.Next(c.Vocabulary))];
        return new(tokens, tokens, [random.Next(c.Vocabulary)], [random.Next(c.Vocabulary)]);
    }

    /// <summary>Numbers between −1 and 1 everywhere.</summary>
    private void Randomise()
    {
        var (random, block) = (new Random(1), new float[1 << 18]);
        for (var i = 0; i < block.Length; i++) block[i] = (float)random.NextDouble() * 2 - 1;
        var bytes = MemoryMarshal.AsBytes<float>(block);
        for (var at = 0L; at < memory.Bytes; at += bytes.Length)
        {
            device.Upload(bytes[..(int)Math.Min(bytes.Length, memory.Bytes - at)], memory, at);
        }
    }

    /// <summary>The matrices that the operations work on.</summary>
    private sealed class Operands
    {
        public Operands(PassOperations owner, Arena arena, bool measuring, int steps)
        {
            var (c, device, batch) = (owner.c, owner.device, owner.batch);
            var (rows, sequences) = (batch.Rows, batch.Sequences);
            Layout = new PassLayout(owner.model, arena, measuring, batch, 1);
            (X, Y, Z) = (arena.Matrix(rows, c.Width), arena.Matrix(rows, c.Width), arena.Matrix(rows, c.Width));
            (Last, LastGradient) = (arena.Matrix(sequences, c.Width), arena.Matrix(sequences, c.Width));
            InverseSigma = arena.Matrix(rows, 1);
            Projection = arena.Matrix(rows, c.ProjectionWidth);
            var up = c.Gated ? 2 * c.MlpWidth : c.MlpWidth;
            (Up, UpGradient, Hidden) = (arena.Matrix(rows, up), arena.Matrix(rows, up), arena.Matrix(rows, c.MlpWidth));
            (Context, ContextGradient, Normalizers) = (arena.Matrix(rows, c.QueryWidth), arena.Matrix(rows, c.QueryWidth), arena.Matrix(rows, 2 * c.Heads));
            (QueryGradient, KeyGradient, ValueGradient) = (arena.Matrix(rows, c.QueryWidth), arena.Matrix(rows, c.QueryWidth), arena.Matrix(rows, c.QueryWidth));
            Sums = new GradientAccumulators(owner.model, arena, Layout.Rows, 1, steps, GradientRule.Derivative);
            Contexts = [.. Enumerable.Range(0, c.Layers).Select(_ => arena.Matrix(rows, c.QueryWidth))];
            MlpOutputs = [.. Enumerable.Range(0, c.Layers).Select(_ => arena.Matrix(rows, c.Width))];
            Scores = arena.Matrix(sequences, owner.model.Graph.Pairs);
            Logits = arena.Matrix(sequences, c.Vocabulary);
            (Reference, LogitsGradient) = (arena.Matrix(sequences, c.Vocabulary), arena.Matrix(sequences, c.Vocabulary));
            (Values, EntryWeights) = (arena.Matrix(sequences, 1), arena.Matrix(1, 2 * sequences));
            (MixWeights, MixScores) = (arena.Matrix(MixedInputs, MixedSources), arena.Matrix(sequences, MixedInputs * MixedSources));
            (MixSources, MixInputs) = (arena.Matrix(checked(MixedSources * rows), c.Width), arena.Matrix(checked(MixedInputs * rows), c.Width));

            MixedHeads = arena.Matrix(MixedInputs * rows, c.HeadDim);

            TokenRows = Integers(batch.CleanTokens);
            EntryOffsets = Integers([.. Enumerable.Range(0, sequences + 1).Select(i => 2 * i)]);
            EntryTokens = Integers([.. batch.Examples.SelectMany(e => (int[])[.. e.Answers, .. e.Distractors])]);
            MixOffsets = Integers([.. Enumerable.Range(0, MixedInputs + 1).Select(i => SourcesOfInput * i)]);
            MixList = Integers([.. Enumerable.Range(0, MixedInputs * SourcesOfInput).Select(i => i * 3 % MixedSources)]);

            Indices Integers(int[] values)
            {
                var at = arena.Integers(values.Length);
                return measuring ? default : device.Upload(values, at);
            }
        }

        public PassLayout Layout { get; }
        public Tensor X { get; }
        public Tensor Y { get; }
        public Tensor Z { get; }
        /// <summary>One row a sequence.</summary>
        public Tensor Last { get; }
        public Tensor LastGradient { get; }
        public Tensor InverseSigma { get; }
        /// <summary>Queries, keys and values side by side.</summary>
        public Tensor Projection { get; }
        public Tensor Query => Projection.ColumnRange(0, Context.Columns);
        public Tensor Key => Projection.ColumnRange(Context.Columns, KeyColumns);
        public Tensor Value => Projection.ColumnRange(Context.Columns + KeyColumns, KeyColumns);
        public Tensor Up { get; }
        public Tensor UpGradient { get; }
        public Tensor Hidden { get; }
        public Tensor Context { get; }
        public Tensor ContextGradient { get; }
        public Tensor Normalizers { get; }
        public Tensor QueryGradient { get; }
        public Tensor KeyGradient { get; }
        public Tensor ValueGradient { get; }
        public GradientAccumulators Sums { get; }
        public Tensor Logits { get; }
        public Tensor Reference { get; }
        public Tensor LogitsGradient { get; }
        public Tensor Values { get; }
        public Tensor EntryWeights { get; }
        public Tensor MixSources { get; }
        public Tensor MixInputs { get; }
        public Tensor MixWeights { get; }
        public Tensor MixScores { get; }
        public Tensor MixedHeads { get; }
        public Indices TokenRows { get; }
        public Indices EntryOffsets { get; }
        public Indices EntryTokens { get; }
        public Indices MixOffsets { get; }
        public Indices MixList { get; }
        private Tensor[] Contexts { get; }
        private Tensor[] MlpOutputs { get; }
        private Tensor Scores { get; }
        private int KeyColumns => (Projection.Columns - Context.Columns) / 2;

        public ScoreContraction Contraction(Transformer model, int steps) => new()
        {
            Layout = Layout.All,
            Layers = model.Config.Layers,
            Heads = model.Config.Heads,
            HeadDim = model.Config.HeadDim,
            Group = model.Config.Group,
            Centred = model.Centred && model.Config.NormsInputs,
            Parallel = model.Config.ParallelBlocks,
            ReducesLastLayer = true,
            InputDifference = X,
            ContextDifference = Contexts,
            MlpDifference = MlpOutputs,
            Output = [.. model.Layers.Select(l => l.Output)],
            QueryKeyValue = [.. model.Layers.Select(l => l.Projection)],
            NormScale = [.. model.Layers.Select(l => l.ProjectionScale)],
            Alpha = Sums.Alpha,
            NormalizedInputs = Sums.NormalizedInputs,
            StepProducts = Sums.StepProducts,
            Steps = Sums.HoldsSteps ? steps : 0,
            MlpGradient = Sums.MlpGradient,
            LogitsGradient = Sums.LogitsGradient,
            Scores = Scores,
        };
    }
}
