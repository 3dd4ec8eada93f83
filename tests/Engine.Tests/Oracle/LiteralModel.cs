using Faith.Engine.Graphs;
using Faith.Engine.Models;
using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Tests.Oracle;

/// <summary>Replaces the output of source <paramref name="node"/>; returns <paramref name="computed"/> to leave it.</summary>
public delegate Value OutputHook(Tape tape, int node, Value computed);

/// <summary>
/// Replaces what column <paramref name="column"/> reads; returns <paramref name="stream"/> to leave it.
/// <paramref name="outputs"/> holds z_u of every source computed so far.
/// </summary>
public delegate Value InputHook(Tape tape, int column, Value stream, IReadOnlyList<Value> outputs);

/// <summary>
/// A decoder in float64, written for reading: one prompt at a time, one head at a time, and a separate copy of the residual
/// stream for every column of the graph — for each head's q, k and v apart, each with a norm of its own — so that ∂L/∂x_v is the
/// gradient of that copy and an intervention on one edge changes that copy only. This is the definition (method.md §1 and §2);
/// nothing here is shared, cached or fused.
/// </summary>
public sealed class LiteralModel
{
    private readonly ModelConfig config;
    private readonly double[][] embedding;
    private readonly double[][]? positions;
    private readonly double[][] unembedding;
    private readonly double[] unembeddingBias;
    private readonly Layer[] layers;
    private readonly double[] finalScale;
    private readonly double[] finalShift;

    /// <summary>The model of these parameters, read whole into float64.</summary>
    public LiteralModel(ModelWeights weights)
    {
        config = weights.Config;
        Graph = new ModelGraph(config.Layers, config.Heads, config.ParallelBlocks);
        embedding = LiteralMatrix.Read(weights.Embedding);
        positions = weights.Positions is null ? null : LiteralMatrix.Read(weights.Positions);
        unembedding = LiteralMatrix.Transpose(LiteralMatrix.Read(weights.Unembedding));
        unembeddingBias = LiteralMatrix.WidenOrZero(weights.UnembeddingBias, config.Vocabulary);
        finalScale = LiteralMatrix.Widen(weights.FinalNormScale);
        finalShift = LiteralMatrix.WidenOrZero(weights.FinalNormShift, config.Width);
        layers = weights.Layers.Select(layer => new Layer(config, layer)).ToArray();
    }

    /// <summary>The model's graph.</summary>
    public ModelGraph Graph { get; }

    /// <summary>Number of tokens.</summary>
    public int Vocabulary => config.Vocabulary;

    /// <summary>Width of the residual stream.</summary>
    public int Width => config.Width;

    /// <summary>How to go back through what is not linear (method.md §9).</summary>
    public GradientRule Rule { get; init; } = GradientRule.Derivative;

    /// <summary>One forward pass over one prompt.</summary>
    public LiteralRun Run(int[] tokens, OutputHook? output = null, InputHook? input = null)
    {
        var tape = new Tape();
        var outputs = new List<Value>();
        var inputs = new List<Value>();

        Value Write(int node, Value computed)
        {
            if (node != outputs.Count) throw new InvalidOperationException($"node {node} written as number {outputs.Count}");
            outputs.Add(output?.Invoke(tape, node, computed) ?? computed);
            return outputs[^1];
        }

        Value Read(int column, Value stream)
        {
            if (column != inputs.Count) throw new InvalidOperationException($"column {column} read as number {inputs.Count}");
            inputs.Add(tape.Copy(input?.Invoke(tape, column, stream, outputs) ?? stream));
            return inputs[^1];
        }

        var blocks = new List<Value>();
        // Positions and output biases enter the stream but belong to no node.
        var stream = Write(0, Embed(tokens));
        stream = AddPositions(tape, stream);

        for (var l = 0; l < config.Layers; l++)
        {
            var layer = layers[l];
            var beforeAttention = stream;

            Value[] Project(InputKind kind) => Enumerable.Range(0, config.Heads).Select(h =>
            {
                var x = Read(Graph.HeadColumn(l, kind, h), beforeAttention);
                var normed = Norm(tape, x, layer.AttentionScale, layer.AttentionShift);
                if (config.PositionsInAttention && kind != InputKind.Value) normed = tape.Add(normed, Rows(positions![..tokens.Length]));
                return tape.Linear(normed, layer.Projection[kind][h], layer.ProjectionBias[kind][h]);
            }).ToArray();

            var rotary = config.Rotary?[l] is { } angles ? LiteralRotary.Of(angles, tokens.Length) : null;
            Value Turn(Value x, double[]? scale, double[] shift)
            {
                if (scale is not null) x = Norm(tape, x, scale, shift);
                return rotary is null ? x : tape.Rotate(x, rotary);
            }

            var (q, k, v) = (Project(InputKind.Query), Project(InputKind.Key), Project(InputKind.Value));
            if (JoinsHeads) (q, k) = (Joined(tape, q, layer.QueryScale!, 1), Joined(tape, k, layer.KeyScale!, config.Group));
            var mlpColumn = Graph.MlpColumn(l);
            var beforeMlp = config.ParallelBlocks ? Read(mlpColumn, beforeAttention) : null;

            for (var h = 0; h < config.Heads; h++)
            {
                var (ofScores, ofValues) = Rule.SharesProducts ? (0.25, 0.5) : (1.0, 1.0);
                var scores = tape.Product(tape.Share(Turn(q[h], HeadScale(layer.QueryScale, h), layer.QueryShift), ofScores), tape.Transpose(tape.Share(Turn(k[h], HeadScale(layer.KeyScale, h / config.Group), layer.KeyShift), ofScores)));
                // Of every query the same: what a key at that position has.
                if (config.Alibi is not null) scores = tape.Add(scores, Rows([.. tokens.Select(_ => LiteralAlibi.Of(config.Heads, tokens.Length)[h])]));
                var attention = tape.CausalSoftmax(Capped(tape, tape.Scale(scores, AttentionFactor(l)), config.AttentionCap), config.Window(l) ?? int.MaxValue, Rule.Pattern == PatternRule.Softened ? 2 : 1);
                var mixed = tape.Product(Rule.Pattern == PatternRule.Constant ? Tape.Constant(attention) : attention, tape.Share(v[h], ofValues));
                Write(Graph.HeadNode(l, h), tape.Linear(mixed, layer.HeadOutput[h]));
            }
            stream = AddHeads(tape, stream, l, node => outputs[node], blocks.Add);

            beforeMlp ??= Read(mlpColumn, stream);
            var hidden = Hidden(tape, layer, Norm(tape, beforeMlp, layer.MlpScale, layer.MlpShift));
            var written = tape.Linear(hidden, layer.Down, layer.DownBias);
            stream = tape.Add(stream, Write(Graph.MlpNode(l), layer.MlpOutputScale is { } scale ? Norm(tape, written, scale, new double[config.Width]) : written));
        }

        var final = Norm(tape, Read(Graph.LogitsColumn, stream), finalScale, finalShift);
        return new LiteralRun(tape, outputs, inputs, blocks, Capped(tape, tape.Linear(final, unembedding, unembeddingBias), config.LogitCap));
    }

    /// <summary>True where the queries of all heads of a layer are normed together, and the keys.</summary>
    public bool JoinsHeads => config.QueryKeyNorm == QueryKeyNorm.Layer;

    // γ of one head's queries or keys, that of all or a part of its own.
    private double[]? HeadScale(double[]? scale, int head) => config.QueryKeyNorm switch
    {
        QueryKeyNorm.Layer => null,
        QueryKeyNorm.OwnHeads => scale![(head * config.HeadDim)..((head + 1) * config.HeadDim)],
        _ => scale,
    };

    // Learned positions, where they join the stream.
    private Value AddPositions(Tape tape, Value stream) => positions is null || config.PositionsInAttention ? stream : tape.Add(stream, Rows(positions[..stream.Rows]));

    // The parts of all query heads side by side, normed as one row; where heads share keys, the copy of each with the weights of its key head.
    private Value[] Joined(Tape tape, Value[] parts, double[] scale, int group)
    {
        var (heads, dh) = (parts.Length, config.HeadDim);
        double[][] Place(int h) => [.. Enumerable.Range(0, dh).Select(i => Enumerable.Range(0, heads * dh).Select(c => c == h * dh + i ? 1.0 : 0).ToArray())];
        var row = parts.Select((part, h) => tape.Linear(part, Place(h))).Aggregate(tape.Add);
        var normed = tape.Normalise(row, config.Norm == NormKind.LayerNorm, Epsilon, Rule.HoldsSigma);
        double[] ScaleOf(int h) => scale[(h / group * dh)..((h / group + 1) * dh)];
        return [.. Enumerable.Range(0, heads).Select(h => tape.ScaleAndShift(tape.Linear(normed, LiteralMatrix.Transpose(Place(h))), ScaleOf(h), new double[dh]))];
    }

    /// <summary>True where what attention puts out is normed before it joins the stream.</summary>
    public bool NormsOutputs => config.NormsOutputs;

    /// <summary>The stream that a column reads when the nodes before it put out <paramref name="output"/>: every reader norms its own mixture of heads.</summary>
    public Value Stream(Tape tape, int column, Func<int, Value> output)
    {
        var (stream, sources) = (output(0), Graph.SourcesBefore(new(column)));
        stream = AddPositions(tape, stream);
        for (var l = 0; l < config.Layers; l++)
        {
            if (Graph.HeadNode(l, 0) < sources) stream = AddHeads(tape, stream, l, output, _ => { });
            if (Graph.MlpNode(l) < sources) stream = tape.Add(stream, output(Graph.MlpNode(l)));
        }
        return stream;
    }

    /// <summary>The change J·δ of N_post(o) with a small change δ of o = <paramref name="block"/>, row by row; with σ constant where that is held.</summary>
    public double[] OutputDifferential(int l, Value block, double[] change, bool holdsSigma)
    {
        var result = new double[change.Length];
        for (var r = 0; r < block.Rows; r++)
        {
            var (o, delta) = (block.Row(r), change[(r * config.Width)..((r + 1) * config.Width)]);
            var mean = config.Norm == NormKind.LayerNorm ? o.Average() : 0;
            var sigma = Math.Sqrt(o.Average(x => (x - mean) * (x - mean)) + Epsilon);
            var hat = Array.ConvertAll(o, x => (x - mean) / sigma);
            var ofMean = config.Norm == NormKind.LayerNorm ? delta.Average() : 0;
            var along = holdsSigma ? 0 : hat.Zip(delta, (x, y) => x * y).Average();
            for (var c = 0; c < config.Width; c++) result[r * config.Width + c] = layers[l].AttentionOutputScale![c] * (delta[c] - ofMean - hat[c] * along) / sigma;
        }
        return result;
    }

    /// <summary>The gradient at o = <paramref name="block"/> of one at N_post(o).</summary>
    public double[] OutputGradient(int l, Value block, double[] gradient)
    {
        var tape = new Tape();
        var leaf = Tape.Constant(block);
        tape.Backward(tape.WeightedSum(Norm(tape, leaf, layers[l].AttentionOutputScale, new double[config.Width]), gradient));
        return leaf.Gradient;
    }

    // N_post(Σ_h o_h + b_O), or without such a norm one head after another; what goes through the norm, and what comes out, are told.
    private Value AddHeads(Tape tape, Value stream, int l, Func<int, Value> output, Action<Value> told)
    {
        var layer = layers[l];
        var heads = Enumerable.Range(0, config.Heads).Select(h => output(Graph.HeadNode(l, h)));
        Value AddBias(Value x) => tape.ScaleAndShift(x, LiteralMatrix.Ones(config.Width), layer.OutputBias);
        if (layer.AttentionOutputScale is null) return AddBias(heads.Aggregate(stream, tape.Add));
        var block = AddBias(heads.Aggregate(tape.Add));
        var normed = Norm(tape, block, layer.AttentionOutputScale, new double[config.Width]);
        told(block);
        told(normed);
        return tape.Add(stream, normed);
    }

    // cap·tanh(x/cap)
    private static Value Capped(Tape tape, Value x, float? cap) =>
        cap is { } c ? tape.Map(x, z => c * Math.Tanh(z / c), z => 1 - Math.Pow(Math.Tanh(z / c), 2)) : x;

    private Value Embed(int[] tokens) =>
        Rows(Array.ConvertAll(tokens, token => Array.ConvertAll(embedding[token], x => EmbeddingFactor * x)));

    private static Value Rows(double[][] rows) => Tape.Leaf(rows.Length, rows[0].Length, rows.SelectMany(row => row).ToArray());

    private Value Norm(Tape tape, Value x, double[]? scale, double[] shift) => scale is null ? x
        : tape.ScaleAndShift(tape.Normalise(x, config.Norm == NormKind.LayerNorm, Epsilon, Rule.HoldsSigma), scale, shift);

    private Value Hidden(Tape tape, Layer layer, Value normed)
    {
        var (function, derivative) = LiteralActivation.Of(config.Activation);
        Value Activate(double[][] matrix, double[] bias) => tape.Map(tape.Linear(normed, matrix, bias), function, Slope(function, derivative));
        return config.Gated
            ? Gated(tape, Activate(layer.Gate, layer.GateBias), tape.Linear(normed, layer.Up, layer.UpBias))
            : Activate(layer.Up, layer.UpBias);
    }

    private Func<double, double> Slope(Func<double, double> function, Func<double, double> derivative) =>
        Rule.Slope == ActivationSlope.Ratio ? x => x == 0 ? derivative(0) : function(x) / x : derivative;

    // Half of the product with one factor constant and half of it with the other: the product itself, half of whose derivative goes to each.
    private Value Gated(Tape tape, Value gate, Value up) => Rule.HalvesGate
        ? tape.Scale(tape.Add(tape.Multiply(gate, Tape.Constant(up)), tape.Multiply(Tape.Constant(gate), up)), 0.5)
        : tape.Multiply(gate, up);

    // A configuration keeps its constants as float32. The oracle computes with the numbers they stand for: the decimal number
    // that was written, and the roots that no float32 is. Anything else would cost eight of its digits.
    private double Epsilon => (double)(decimal)config.NormEpsilon;

    private double AttentionFactor(int layer)
    {
        double scale = config.AttentionScale[layer], usual = 1 / Math.Sqrt(config.HeadDim), byLayer = usual / (layer + 1);
        return scale == (float)usual ? usual : scale == (float)byLayer ? byLayer : scale;
    }

    private double EmbeddingFactor
    {
        get
        {
            var usual = Math.Sqrt(config.Width);
            return config.EmbeddingScale == (float)usual ? usual : config.EmbeddingScale;
        }
    }

    /// <summary>The parameters of one layer in float64, cut into heads.</summary>
    private sealed class Layer
    {
        public Layer(ModelConfig config, LayerWeights weights)
        {
            // All query heads, then all key heads, then all value heads. With grouped heads, query head h uses key/value head h / group.
            var projection = LiteralMatrix.Read(weights.QueryKeyValue);
            var projectionBias = LiteralMatrix.WidenOrZero(weights.QueryKeyValueBias, config.ProjectionWidth);
            var headOf = new Dictionary<InputKind, Func<int, int>>
            {
                [InputKind.Query] = h => h,
                [InputKind.Key] = h => config.Heads + h / config.Group,
                [InputKind.Value] = h => config.Heads + config.KeyValueHeads + h / config.Group,
            };
            foreach (var (kind, place) in headOf)
            {
                var starts = Enumerable.Range(0, config.Heads).Select(h => place(h) * config.HeadDim).ToArray();
                Projection[kind] = Array.ConvertAll(starts, start => LiteralMatrix.Columns(projection, start, config.HeadDim));
                ProjectionBias[kind] = Array.ConvertAll(starts, start => projectionBias[start..(start + config.HeadDim)]);
            }
            HeadOutput = LiteralMatrix.Read(weights.Output).Chunk(config.HeadDim).ToArray();
            OutputBias = LiteralMatrix.WidenOrZero(weights.OutputBias, config.Width);
            QueryScale = Scale(weights.QueryNormScale);
            QueryShift = LiteralMatrix.WidenOrZero(weights.QueryNormShift, config.HeadDim);
            KeyScale = Scale(weights.KeyNormScale);
            KeyShift = LiteralMatrix.WidenOrZero(weights.KeyNormShift, config.HeadDim);
            AttentionScale = Scale(weights.AttentionNormScale);
            AttentionOutputScale = Scale(weights.AttentionOutputNormScale);
            AttentionShift = LiteralMatrix.WidenOrZero(weights.AttentionNormShift, config.Width);
            MlpScale = Scale(weights.MlpNormScale);
            MlpOutputScale = Scale(weights.MlpOutputNormScale);
            MlpShift = LiteralMatrix.WidenOrZero(weights.MlpNormShift, config.Width);
            Down = LiteralMatrix.Read(weights.Down);
            DownBias = LiteralMatrix.WidenOrZero(weights.DownBias, config.Width);

            // A gated MLP stores its gate, then its up matrix, side by side.
            var up = LiteralMatrix.Read(weights.Up);
            var upBias = LiteralMatrix.WidenOrZero(weights.UpBias, up[0].Length);
            var gate = up[0].Length - config.MlpWidth;
            Gate = LiteralMatrix.Columns(up, 0, gate);
            GateBias = upBias[..gate];
            Up = LiteralMatrix.Columns(up, gate, config.MlpWidth);
            UpBias = upBias[gate..];

            static double[]? Scale(float[]? scale) => scale is null ? null : LiteralMatrix.Widen(scale);
        }

        /// <summary>W_q^h, W_k^h and W_v^h [d × d_head] of every query head.</summary>
        public Dictionary<InputKind, double[][][]> Projection { get; } = [];
        /// <summary>Their biases.</summary>
        public Dictionary<InputKind, double[][]> ProjectionBias { get; } = [];
        /// <summary>γ of the norm of every head's queries [d_head], or [H·d_head] of each its own or of all together; or null.</summary>
        public double[]? QueryScale { get; }
        /// <summary>β of it.</summary>
        public double[] QueryShift { get; }
        /// <summary>The same of keys.</summary>
        public double[]? KeyScale { get; }
        public double[] KeyShift { get; }
        /// <summary>The rows of W_O of every head [d_head × d].</summary>
        public double[][][] HeadOutput { get; }
        public double[] OutputBias { get; }
        /// <summary>Of norms: null where there is none.</summary>
        public double[]? AttentionScale { get; }
        public double[]? AttentionOutputScale { get; }
        public double[]? MlpOutputScale { get; }
        public double[] AttentionShift { get; }
        public double[]? MlpScale { get; }
        public double[] MlpShift { get; }
        public double[][] Gate { get; }
        public double[] GateBias { get; }
        public double[][] Up { get; }
        public double[] UpBias { get; }
        public double[][] Down { get; }
        public double[] DownBias { get; }
    }
}
