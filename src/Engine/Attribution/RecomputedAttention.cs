using Faith.Engine.Ablations;
using Faith.Engine.Graphs;
using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Attribution;

/// <summary>
/// Scores of the edges into queries and keys without linearising what stands before a head's output: score(u, v) = Σ_pos (c′_h − c_h)·∂L/∂c_h,
/// where c_h is the output of head h before W_O in the clean run and c′_h the same with its queries, or its keys at all positions, read from
/// x_v + Δz_u. Norms, projection, rotation and softmax are computed; what follows the head goes by the gradient.
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
    private readonly float[][] scores;

    /// <summary>Lays out what is needed beside the memory of the backward pass, which is free when it is over; the clean run must be the last in <paramref name="activations"/>.</summary>
    public RecomputedAttention(PathRun run, Transformer model, Arena arena, bool measuring, BatchInputs inputs, Activations activations, BackwardBuffers buffers)
    {
        (this.run, this.model, this.inputs, this.activations, this.buffers) = (run, model, inputs, activations, buffers);
        var (c, rows) = (model.Config, inputs.Layout.Rows);
        gradients = new(model.Device, rows.Matrices(arena, c.QueryWidth));
        activations.Keep(arena, mlpStreams: false, mlpOutputs: false);
        normalizers = arena.Matrix(rows.All, 2 * c.Heads);
        effects = new(model, arena, measuring, rows);
        joined = JoinedHeads.Of(model, arena, rows);
        scores = measuring ? [] : [.. Enumerable.Range(0, rows.Sequences).Select(_ => new float[model.Graph.Pairs])];
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
                if (joined is not null) ScoreJoined(l, u, InputKind.Query, queries);
                else Score(l, u, InputKind.Query, attention.Finish(InputKind.Query, queries, layout.QueryAngles(l), queries), a.FinalKey);

                var keys = projected.ColumnRange(0, c.KeyWidth);
                attention.Multiply(x, keys, c.QueryWidth);
                if (joined is not null) ScoreJoined(l, u, InputKind.Key, keys);
                else Score(l, u, InputKind.Key, a.FinalQuery, attention.Finish(InputKind.Key, keys, layout.Angles, keys));
            }
        }
    }

    /// <summary>Puts the scores of an example's edges into queries and keys in the place of others [F·N].</summary>
    public override void Read(int example, Span<float> scores)
    {
        var graph = model.Graph;
        foreach (var edge in graph.AllColumns.Where(v => graph.DestinationOf(v).Kind is InputKind.Query or InputKind.Key).SelectMany(graph.InEdges))
        {
            scores[edge] = this.scores[example][edge];
        }
    }

    private void Score(int l, NodeId u, InputKind kind, Tensor queries, Tensor keys)
    {
        var context = buffers.Context.RowRange(0, queries.Rows);
        model.AttentionBlock(l).Attend(inputs.Layout, inputs.Prefix, queries, keys, activations.Layers[l].Projected.Value, context, normalizers.RowRange(0, queries.Rows));
        Read(l, context, model.Config.HeadDim, (e, h, score) => scores[e][model.Graph.Edge(u, model.Graph.HeadColumn(l, kind, h))] = score);
    }

    /// <summary>The same where what one head reads changes the outputs of all: each has its own attention.</summary>
    private void ScoreJoined(int l, NodeId u, InputKind kind, Tensor projected)
    {
        var (c, a) = (model.Config, activations.Layers[l]);
        var context = buffers.Context.RowRange(0, inputs.Layout.Rows.Of(l));
        for (var h = 0; h < c.Heads; h++)
        {
            var own = projected.ColumnRange((kind == InputKind.Query ? h : h / c.Group) * c.HeadDim, c.HeadDim);
            joined!.Attend(l, inputs.Layout, inputs.Prefix, a, kind, h, own, context, normalizers.RowRange(0, context.Rows));
            Read(l, context, c.QueryWidth, (e, _, score) => scores[e][model.Graph.Edge(u, model.Graph.HeadColumn(l, kind, h))] = score);
        }
    }

    /// <summary>Σ_pos (c′ − c)·∂L/∂c of every example, over so many columns of the contexts at a time.</summary>
    private void Read(int l, Tensor context, int columns, Action<int, int, float> taken)
    {
        var heads = context.Columns / columns;
        var values = effects.Of(context, activations.Layers[l].Context, gradients[l], columns);
        var offsets = inputs.Layout.Queries(l).QueryOffsets;
        for (var e = 0; e < scores.Length; e++)
        {
            for (var h = 0; h < heads; h++)
            {
                var sum = 0.0;
                for (var row = offsets[e]; row < offsets[e + 1]; row++) sum += values[row * model.Config.Heads + h];
                taken(e, h, (float)sum);
            }
        }
    }

    /// <summary>Keeps the gradients at the contexts of all layers.</summary>
    private sealed class ContextGradients(Device device, Tensor[] kept) : GradientHook
    {
        public Tensor this[int l] => kept[l];

        public override void Context(int l, Tensor gradient) => device.Copy(gradient, kept[l]);
    }
}
