using Faith.Engine.Ablations;
using Faith.Engine.Graphs;
using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Attribution;

/// <summary>
/// Scores of the edges between spans (method.md §11): what head h at the positions of span t puts out when its keys, or values, at the positions of span s are the corrupted run's, and
/// all others the clean one's, computed and not linearised: score = Σ_{rows of t} (c′_h − c_h)·∂L/∂c_h, the gradient averaged over the points of the path; of points that drop a layer each, the
/// mean magnitude over those that do not drop the head's. Where all heads' keys are normed together, the sum is over all heads of the layer, whose outputs change too.
/// </summary>
internal sealed class CrossingAttention : PathExtension
{
    private readonly Transformer model;
    private readonly SpanGraph graph;
    private readonly SpanRows spans;
    private readonly BatchInputs inputs;
    private readonly Activations run;
    private readonly bool magnitudes;
    private readonly ContextGradients gradients;
    private readonly Tensor[] ablatedKeys;
    private readonly Tensor[] ablatedValues;
    private readonly Tensor context;
    private readonly Tensor normalizers;
    private readonly SpanMixture mixture;
    private readonly HeadEffects effects;
    private readonly JoinedHeads? joined;
    private readonly float[][] scores;

    /// <summary>Lays out what is needed beside the memory of the passes, which is free when they are over.</summary>
    public CrossingAttention(Transformer model, Arena arena, bool measuring, SpanGraph graph, SpanRows spans, BatchInputs inputs, Activations activations, bool magnitudes)
    {
        (this.model, this.graph, this.spans, this.inputs) = (model, graph, spans, inputs);
        var (c, rows) = (model.Config, inputs.Layout.Rows);
        run = activations.First(rows);
        this.magnitudes = magnitudes;
        gradients = new(model.Device, rows, [.. Enumerable.Range(0, magnitudes ? c.Layers : 1).Select(_ => rows.Matrices(arena, c.QueryWidth))]);
        ablatedKeys = [.. Enumerable.Range(0, c.Layers).Select(_ => arena.Matrix(rows.All, c.KeyWidth))];
        ablatedValues = [.. Enumerable.Range(0, c.Layers).Select(_ => arena.Matrix(rows.All, c.KeyWidth))];
        mixture = new(model, arena, measuring, rows, spans, c.KeyWidth);
        (context, normalizers) = (arena.Matrix(rows.All, c.QueryWidth), arena.Matrix(rows.All, 2 * c.Heads));
        effects = new(model, arena, measuring, rows);
        joined = JoinedHeads.Of(model, arena, rows);
        scores = measuring ? [] : [.. Enumerable.Range(0, rows.Sequences).Select(_ => new float[ScoresOf(graph)])];
    }

    public override GradientHook Gradients => gradients;

    /// <summary>Numbers that the host holds for each example.</summary>
    public static int ScoresOf(SpanGraph graph) => graph.Entries - graph.Spans.Count * graph.Model.Pairs;

    public override void Start() => gradients.Clear();

    public override void Expect(PathStep step) => gradients.Expect(step.Weights, magnitudes ? step.Points[0].Dropped ?? 0 : 0);

    /// <summary>Computes the scores of all examples.</summary>
    public override void Finish(CancellationToken cancellation)
    {
        var device = model.Device;
        foreach (var layer in run.Layers) layer.AttentionXHat = default;
        inputs.Start(inputs.Ablated, run);
        ForwardPass.Run(model, inputs.Layout, inputs.Prefix, run, inputs.Ablation);
        for (var l = 0; l < run.Layers.Length; l++)
        {
            device.Copy(Keys(l), ablatedKeys[l]);
            device.Copy(run.Layers[l].Projected.Value, ablatedValues[l]);
        }
        inputs.Start(inputs.Clean, run);
        ForwardPass.Run(model, inputs.Layout, inputs.Prefix, run);
        for (var l = 0; l < run.Layers.Length; l++)
        {
            cancellation.ThrowIfCancellationRequested();
            ScoreFrom(l, InputKind.Key, Keys(l), ablatedKeys[l]);
            ScoreFrom(l, InputKind.Value, run.Layers[l].Projected.Value, ablatedValues[l]);
        }
    }

    /// <summary>Puts the scores of an example's edges between spans in their places.</summary>
    public override void ReadSpans(int example, Span<float> scores) => this.scores[example].CopyTo(scores[^this.scores[example].Length..]);

    /// <summary>Keys as attention sees them, or as projected where those of all heads are normed together.</summary>
    private Tensor Keys(int l) => joined is null ? run.Layers[l].FinalKey : run.Layers[l].Projected.Key;

    private void ScoreFrom(int l, InputKind kind, Tensor clean, Tensor ablated)
    {
        var (a, c) = (run.Layers[l], model.Config);
        var (changed, norms) = (context.RowRange(0, a.Context.Rows), normalizers.RowRange(0, a.Context.Rows));
        foreach (var (s, mixed) in mixture.Of(clean, ablated))
        {
            if (kind == InputKind.Key && joined is not null)
            {
                for (var h = 0; h < c.Heads; h++)
                {
                    joined.Attend(l, inputs.Layout, inputs.Prefix, a, kind, h, mixed.ColumnRange(h / c.Group * c.HeadDim, c.HeadDim), changed, norms);
                    Add(l, kind, s, h, changed, c.QueryWidth);
                }
                continue;
            }
            var (keys, values) = kind == InputKind.Key ? (mixed, a.Projected.Value) : (a.FinalKey, mixed);
            model.AttentionBlock(l).Attend(inputs.Layout, inputs.Prefix, a.FinalQuery, keys, values, changed, norms);
            Add(l, kind, s, 0, changed, c.HeadDim);
        }
    }

    /// <summary>Adds what changed contexts, in so many columns of each head, give to the edges of these heads out of a span.</summary>
    private void Add(int l, InputKind kind, int from, int firstHead, Tensor changed, int columns)
    {
        model.Device.AddScaled(run.Layers[l].Context, -1, changed);
        for (var set = 0; set < gradients.Sets; set++)
        {
            // The gradient that drops the head's own layer says nothing of it.
            if (!magnitudes || set != l) Add(l, kind, from, firstHead, changed.Columns / columns, effects.Of(changed, gradients.Of(set, l), columns));
        }
    }

    private void Add(int l, InputKind kind, int from, int firstHead, int heads, float[] ofRows)
    {
        var (offsets, rowSpans) = (inputs.Layout.Queries(l).QueryOffsets, inputs.Layout.Rows.IsNarrow(l) ? spans.OfLast : spans.Of);
        var first = graph.Entries - ScoresOf(graph);
        var sums = new double[spans.Spans * heads];
        for (var e = 0; e < scores.Length; e++)
        {
            Array.Clear(sums);
            for (var row = offsets[e]; row < offsets[e + 1]; row++)
            {
                for (var h = 0; h < heads; h++) sums[rowSpans[row] * heads + h] += ofRows[row * model.Config.Heads + h];
            }
            for (var to = 0; to < spans.Spans; to++)
            {
                if (to == from) continue;
                for (var h = 0; h < heads; h++)
                {
                    var sum = sums[to * heads + h];
                    scores[e][graph.Crossing(kind, l, firstHead + h, from, to) - first] += (float)(magnitudes ? Math.Abs(sum) / (gradients.Sets - 1) : sum);
                }
            }
        }
    }

    /// <summary>The gradients at the contexts of all layers, averaged over the points of each of some sets.</summary>
    private sealed class ContextGradients(Device device, Rows rows, Tensor[][] sums) : GradientHook
    {
        private float[] weights = [];
        private int current;

        public int Sets => sums.Length;

        public Tensor Of(int set, int l) => sums[set][l];

        public void Clear()
        {
            foreach (var sum in sums.SelectMany(set => set)) device.Fill(sum, 0);
        }

        /// <summary>The next pass is over points of these weights, which are of a set.</summary>
        public void Expect(float[] weights, int set) => (this.weights, current) = (weights, set);

        public override void Context(int l, Tensor gradient)
        {
            for (var p = 0; p < weights.Length; p++) device.AddScaled(rows.Point(gradient, l, p), weights[p], sums[current][l]);
        }
    }
}
