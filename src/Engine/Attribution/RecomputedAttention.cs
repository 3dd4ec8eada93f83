using Faith.Engine.Ablations;
using Faith.Engine.Graphs;
using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Attribution;

/// <summary>
/// Scores of the edges into queries and keys without linearising what stands before a head's output: score(u, v) = Σ_pos (c′_h − c_h)·∂L/∂c_h,
/// where c_h is the output of head h before W_O in the clean run and c′_h the same with its queries, or its keys at all positions, read from
/// x_v + Δz_u. Norms, projection, rotation and softmax are computed; what follows the head goes by the gradient. By span, an edge's queries are those at the positions of the span, where alone
/// they change anything, and its keys those at the positions of the span with all others the clean run's, whatever position attends to them.
/// </summary>
internal sealed class RecomputedAttention : PathExtension
{
    private readonly PathRun run;
    private readonly Transformer model;
    private readonly BatchInputs inputs;
    private readonly Activations activations;
    private readonly BackwardBuffers buffers;
    private readonly ContextGradients gradients;
    private readonly Tensor normalizers;
    private readonly HeadEffects effects;
    private readonly JoinedHeads? joined;
    private readonly SpanRows? spans;
    private readonly SpanMixture? mixture;
    // By example; of whole prompts, then of every span.
    private readonly float[][] scores;

    /// <summary>Lays out what is needed beside the memory of the backward pass, which is free when it is over; the clean run must be the last in <paramref name="activations"/>.</summary>
    public RecomputedAttention(PathRun run, Transformer model, Arena arena, bool measuring, BatchInputs inputs, Activations activations, BackwardBuffers buffers, SpanRows? spans)
    {
        (this.spans, this.run, this.model, this.inputs, this.activations, this.buffers) = (spans, run, model, inputs, activations, buffers);
        var (c, rows) = (model.Config, inputs.Layout.Rows);
        gradients = new(model.Device, rows.Matrices(arena, c.QueryWidth));
        activations.Keep(arena, mlpStreams: false, mlpOutputs: false);
        normalizers = arena.Matrix(rows.All, 2 * c.Heads);
        effects = new(model, arena, measuring, rows);
        joined = JoinedHeads.Of(model, arena, rows);
        if (spans is not null) mixture = new(model, arena, measuring, rows, spans, c.KeyWidth);
        scores = measuring ? [] : [.. Enumerable.Range(0, rows.Sequences).Select(_ => new float[(1 + (spans?.Spans ?? 0)) * model.Graph.Pairs])];
    }

    public override GradientHook Gradients => gradients;

    /// <summary>Computes the scores of all examples.</summary>
    public override void Finish(CancellationToken cancellation)
    {
        var (device, c, graph, layout, differences) = (model.Device, model.Config, model.Graph, inputs.Layout, run.Sources(l => activations.Layers[l].KeptAttentionOutput, buffers.Block));
        for (var l = 0; l < c.Layers; l++)
        {
            var (attention, a) = (model.AttentionBlock(l), activations.Layers[l]);
            var (x, projected) = (buffers.Stream.All, buffers.SplitProjection);
            foreach (var u in graph.InEdges(graph.HeadColumn(l, InputKind.Query, 0)).Select(graph.SourceOf))
            {
                cancellation.ThrowIfCancellationRequested();
                device.Copy(a.KeptAttentionStream, x);
                differences.Add(u, x);
                attention.Norm.Forward(x, x);

                var queries = projected.RowRange(0, layout.Rows.Of(l)).ColumnRange(0, c.QueryWidth);
                attention.Multiply(layout.Narrow(device, l, x, buffers.Stream.Last), queries, 0);
                if (joined is null) attention.Finish(InputKind.Query, queries, layout.QueryAngles(l), queries);
                Score(l, u, InputKind.Query, queries);

                var keys = projected.ColumnRange(0, c.KeyWidth);
                attention.Multiply(x, keys, c.QueryWidth);
                if (joined is null) attention.Finish(InputKind.Key, keys, layout.Angles, keys);
                Score(l, u, InputKind.Key, keys);
                if (mixture is null) continue;
                foreach (var (span, mixed) in mixture.Of(joined is null ? a.FinalKey : a.Projected.Key, keys)) Score(l, u, InputKind.Key, mixed, span);
            }
        }
    }

    /// <summary>Puts the scores of an example's edges into queries and keys in the place of others [F·N].</summary>
    public override void Read(int example, Span<float> scores) => Take(this.scores[example].AsSpan(0, model.Graph.Pairs), scores);

    /// <summary>The same span by span.</summary>
    public override void ReadSpans(int example, Span<float> scores)
    {
        var (own, pairs) = (this.scores[example], model.Graph.Pairs);
        for (var first = pairs; first < own.Length; first += pairs) Take(own.AsSpan(first, pairs), scores.Slice(first - pairs, pairs));
    }

    private void Take(ReadOnlySpan<float> own, Span<float> scores)
    {
        var graph = model.Graph;
        foreach (var edge in graph.AllColumns.Where(v => graph.DestinationOf(v).Kind is InputKind.Query or InputKind.Key).SelectMany(graph.InEdges)) scores[edge] = own[edge];
    }

    /// <summary>Scores the edges of a source into the queries or keys of a layer's heads.</summary>
    /// <param name="l">The layer.</param>
    /// <param name="u">The source.</param>
    /// <param name="kind">Queries or keys.</param>
    /// <param name="changed">These, as attention sees them; as projected where those of all heads are normed together.</param>
    /// <param name="span">The only span whose keys are changed; null: all are.</param>
    private void Score(int l, NodeId u, InputKind kind, Tensor changed, int? span = null)
    {
        var (c, a) = (model.Config, activations.Layers[l]);
        var context = buffers.Context.RowRange(0, inputs.Layout.Rows.Of(l));
        var norms = normalizers.RowRange(0, context.Rows);
        if (joined is null)
        {
            var (queries, keys) = kind == InputKind.Query ? (changed, a.FinalKey) : (a.FinalQuery, changed);
            model.AttentionBlock(l).Attend(inputs.Layout, inputs.Prefix, queries, keys, a.Projected.Value, context, norms);
            Sum(l, u, kind, 0, context, c.HeadDim, span);
            return;
        }
        // What one head reads changes the outputs of all: each has its own attention.
        for (var h = 0; h < c.Heads; h++)
        {
            var own = changed.ColumnRange((kind == InputKind.Query ? h : h / c.Group) * c.HeadDim, c.HeadDim);
            joined.Attend(l, inputs.Layout, inputs.Prefix, a, kind, h, own, context, norms);
            Sum(l, u, kind, h, context, c.QueryWidth, span);
        }
    }

    /// <summary>Σ_pos (c′ − c)·∂L/∂c of every example, over so many columns of the contexts at a time.</summary>
    private void Sum(int l, NodeId u, InputKind kind, int firstHead, Tensor context, int columns, int? span)
    {
        model.Device.AddScaled(activations.Layers[l].Context, -1, context);
        var values = effects.Of(context, gradients[l], columns);
        var offsets = inputs.Layout.Queries(l).QueryOffsets;
        // A query acts at its own position alone.
        var rowSpans = kind == InputKind.Key ? null : inputs.Layout.Rows.IsNarrow(l) ? spans?.OfLast : spans?.Of;
        var bySpan = new double[spans?.Spans ?? 0];
        for (var e = 0; e < scores.Length; e++)
        {
            for (var h = 0; h < context.Columns / columns; h++)
            {
                var edge = model.Graph.Edge(u, model.Graph.HeadColumn(l, kind, firstHead + h));
                var sum = 0.0;
                Array.Clear(bySpan);
                for (var row = offsets[e]; row < offsets[e + 1]; row++)
                {
                    double value = values[row * model.Config.Heads + h];
                    sum += value;
                    if (rowSpans is not null) bySpan[rowSpans[row]] += value;
                }
                scores[e][PlaceOf(edge, span)] = (float)sum;
                for (var s = 0; rowSpans is not null && s < bySpan.Length; s++) scores[e][PlaceOf(edge, s)] = (float)bySpan[s];
            }
        }
    }

    private int PlaceOf(EdgeId edge, int? span) => (span is { } of ? (1 + of) * model.Graph.Pairs : 0) + edge;

    /// <summary>Keeps the gradients at the contexts of all layers.</summary>
    private sealed class ContextGradients(Device device, Tensor[] kept) : GradientHook
    {
        public Tensor this[int l] => kept[l];

        public override void Context(int l, Tensor gradient) => device.Copy(gradient, kept[l]);
    }
}
