using System.Runtime.InteropServices;
using Faith.Engine.Graphs;
using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Attribution;

/// <summary>
/// Scores of the edges into queries and keys without linearising what stands before a head's output: score(u, v) = Σ_pos (c′_h − c_h)·∂L/∂c_h,
/// where c_h is the output of head h before W_O in the clean run and c′_h the same with its queries, or its keys at all positions, read from
/// x_v + Δz_u. Norm, projection, rotation and softmax are computed; what follows the head goes by the gradient.
/// </summary>
internal sealed class RecomputedAttention
{
    private readonly Transformer model;
    private readonly PassLayout layout;
    private readonly PrefixCache prefix;
    private readonly Activations activations;
    private readonly BackwardBuffers backward;
    private readonly Tensor normalizers;
    private readonly Tensor products;
    private readonly float[] read;
    private readonly float[][] scores;

    /// <summary>Lays out what is needed beside <paramref name="backward"/>, which must keep the contexts' gradients and be free otherwise; the clean run must be the last in <paramref name="activations"/>.</summary>
    public RecomputedAttention(Transformer model, Arena arena, BatchInputs inputs, Activations activations, BackwardBuffers backward)
    {
        (this.model, layout, prefix, this.activations, this.backward) = (model, inputs.Layout, inputs.Prefix, activations, backward);
        var (c, rows) = (model.Config, layout.Rows);
        foreach (var layer in activations.Layers) layer.KeptAttentionStream = arena.Matrix(rows, c.Width);
        normalizers = arena.Matrix(rows, 2 * c.Heads);
        products = arena.Matrix(rows, c.Heads);
        read = new float[rows * c.Heads];
        scores = new float[layout.Sequences][];
    }

    /// <summary>Computes the scores of all examples.</summary>
    public void Run(SourceDifferences differences, CancellationToken cancellation)
    {
        var (device, c, graph) = (model.Device, model.Config, model.Graph);
        for (var e = 0; e < scores.Length; e++) scores[e] = new float[graph.Pairs];
        for (var l = 0; l < c.Layers; l++)
        {
            var (w, a, last) = (model.Layers[l], activations.Layers[l], l == c.Layers - 1);
            var (x, projected) = (backward.Stream, backward.SplitProjection);
            foreach (var u in graph.InEdges(graph.HeadColumn(l, InputKind.Query, 0)).Select(graph.SourceOf))
            {
                cancellation.ThrowIfCancellationRequested();
                device.Copy(a.KeptAttentionStream, x);
                differences.Add(u, x);
                device.NormForward(x, w.AttentionScale, w.AttentionShift, c.NormEpsilon, model.Centred, x, default, default);

                if (last) device.GatherRows(x, layout.LastRows, 1, backward.LastStream);
                var queries = projected.RowRange(0, a.Query.Rows).ColumnRange(0, c.QueryWidth);
                Project(w, last ? backward.LastStream : x, 0, last ? layout.LastPositions : layout.Positions, queries);
                Score(l, u, InputKind.Query, queries, a.RotatedKey);

                var keys = projected.ColumnRange(0, c.KeyWidth);
                Project(w, x, c.QueryWidth, layout.Positions, keys);
                Score(l, u, InputKind.Key, a.RotatedQuery, keys);
            }
        }
    }

    /// <summary>Puts the scores of an example's edges into queries and keys in the place of others [F·N].</summary>
    public void CopyTo(Span<float> destination, int example)
    {
        var graph = model.Graph;
        foreach (var edge in graph.AllColumns.Where(v => graph.DestinationOf(v).Kind is InputKind.Query or InputKind.Key).SelectMany(graph.InEdges))
        {
            destination[edge] = scores[example][edge];
        }
    }

    /// <summary>y = the columns of the projection from <paramref name="first"/> on, as attention sees them.</summary>
    private void Project(TransformerLayer w, Tensor normed, int first, Indices positions, Tensor y)
    {
        var bias = w.ProjectionBias.IsNone ? default : w.ProjectionBias.ColumnRange(first, y.Columns);
        model.Device.Multiply(w.Projection, WeightSide.Forward, normed, y, bias, n0: first);
        if (model.Config.Rotary is not null) model.Device.Rotary(y, positions, model.Cosines, model.Sines, model.Config.HeadDim, inverse: false, y);
    }

    private void Score(int l, NodeId u, InputKind kind, Tensor queries, Tensor keys)
    {
        var (device, c, graph, a) = (model.Device, model.Config, model.Graph, activations.Layers[l]);
        var seen = l == c.Layers - 1 ? layout.LastQuery : layout.All;
        var context = backward.Context.RowRange(0, queries.Rows);
        device.AttentionForward(seen, model.Attention, queries, keys, a.Value, prefix.Keys[l], prefix.Values[l], context, normalizers.RowRange(0, queries.Rows));
        device.AddScaled(a.Context, -1, context);
        device.MultiplyElements(context, backward.ContextGradients[l], context);
        var sums = products.RowRange(0, queries.Rows);
        device.SumHeadGroups(context, 1, c.HeadDim, sums);
        var values = read.AsSpan(0, (int)sums.Count);
        device.Download(sums.Pointer, MemoryMarshal.AsBytes(values));
        for (var e = 0; e < scores.Length; e++)
        {
            for (var h = 0; h < c.Heads; h++)
            {
                var sum = 0.0;
                for (var row = seen.QueryOffsets[e]; row < seen.QueryOffsets[e + 1]; row++) sum += values[row * c.Heads + h];
                scores[e][graph.Edge(u, graph.HeadColumn(l, kind, h))] = (float)sum;
            }
        }
    }
}
