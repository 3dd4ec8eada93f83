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
        scores = new float[graph.Pairs];
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
            foreach (var u in graph.AllSources)
            {
                var sum = 0.0;
                foreach (var edge in graph.OutEdges(u))
                {
                    edges[e][edge] += Math.Abs(scores[edge]);
                    sum += scores[edge];
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
        destination.Clear();
        foreach (var v in graph.AllColumns)
        {
            var share = Share(v == graph.LogitsColumn ? null : graph.DestinationOf(v).Layer);
            foreach (var edge in graph.InEdges(v)) destination[edge] = (float)(edges[example][edge] * share);
        }
    }

    /// <summary>Adds the scores of nodes and neurons to those of other micro-batches.</summary>
    public void AddTo(NeuronSums? allNodes, NeuronSums? allNeurons)
    {
        if (nodes is not null) allNodes!.Add(nodes);
        if (neurons is not null) allNeurons!.Add(neurons);
    }

    private int? LayerOf(NodeId source) => source == ModelGraph.InputNode ? null : graph.PlaceOf(source).Layer;

    /// <summary>What each of the points counts that do not drop this layer.</summary>
    private double Share(int? layer) => 1.0 / (layer is null ? graph.Layers : graph.Layers - 1);
}
