using Faith.Engine.Graphs;
using Faith.Engine.Passes;

namespace Faith.Engine.Attribution;

/// <summary>
/// The scores of one micro-batch by points of which each drops the gradient of one layer (<see cref="PathPoint.Dropped"/>): of every
/// point the magnitude, averaged over those points that do not drop the layer in which the gradient is taken — for an edge the layer of
/// the input that it leads into, for a node or neuron its own. The logits and the input are in no layer.
/// </summary>
internal sealed class DroppedScores
{
    private readonly ModelGraph graph;
    private readonly double[][] edges;
    private readonly float[] scores;
    private readonly NeuronSums? nodes;
    private readonly NeuronSums? neurons;

    /// <summary>Room for the scores of some examples at a level.</summary>
    public DroppedScores(Transformer model, ScoreLevel level, int examples)
    {
        graph = model.Graph;
        scores = new float[graph.Sources * graph.Columns];
        edges = [.. Enumerable.Range(0, examples).Select(_ => new double[scores.Length])];
        if (level != ScoreLevel.Edge) nodes = new(graph, 1, examples);
        if (level == ScoreLevel.Neuron) neurons = new(graph, model.Config.Width, examples);
    }

    /// <summary>Takes the scores of the point that drops a layer. The gradient in that layer, and with it every score there, is zero.</summary>
    public void Take(PathRun run, int layer)
    {
        for (var e = 0; e < edges.Length; e++)
        {
            run.ReadScores(e, scores);
            for (var u = 0; u < graph.Sources; u++)
            {
                var sum = 0.0;
                for (var i = u * graph.Columns; i < (u + 1) * graph.Columns; i++)
                {
                    edges[e][i] += Math.Abs(scores[i]);
                    sum += scores[i];
                }
                if (LayerOf(u) != layer) nodes?.Add(u, Math.Abs(sum) * Share(LayerOf(u)));
            }
        }
        if (neurons is null) return;
        run.ReadProducts((u, products, offsets) =>
        {
            if (LayerOf(u) != layer) neurons.Add(u, products, offsets, (_, sum) => Math.Abs(sum) * Share(LayerOf(u)));
        });
    }

    /// <summary>The scores [F·N] of an example.</summary>
    public void ReadScores(int example, Span<float> destination)
    {
        for (var v = 0; v < graph.Columns; v++)
        {
            var share = Share(v == graph.LogitsColumn ? null : graph.DestinationOf(v).Layer);
            for (var i = v; i < destination.Length; i += graph.Columns) destination[i] = (float)(edges[example][i] * share);
        }
    }

    /// <summary>Adds the scores of nodes and neurons to those of other micro-batches.</summary>
    public void AddTo(NeuronSums? allNodes, NeuronSums? allNeurons)
    {
        if (nodes is not null) allNodes!.Add(nodes);
        if (neurons is not null) allNeurons!.Add(neurons);
    }

    private int? LayerOf(int source) => source == 0 ? null : (source - 1) / (graph.Heads + 1);

    /// <summary>What each of the points counts that do not drop this layer.</summary>
    private double Share(int? layer) => 1.0 / (layer is null ? graph.Layers : graph.Layers - 1);
}
