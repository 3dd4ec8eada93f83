using Faith.Engine.Graphs;

namespace Faith.Engine.Circuits;

/// <summary>Removal of the edges that cannot carry anything from input to logits.</summary>
public static class Pruning
{
    /// <summary>
    /// Prunes to the fixed point: a node stays if it has an edge in (into any of q, k, v) and an edge out; input needs none in,
    /// logits none out; an edge stays if both of its ends do, and a neuron if its node does.
    /// </summary>
    /// <remarks>
    /// The graph has no cycles, so a node survives exactly when input reaches it and it reaches logits. Node numbers are a
    /// topological order: one sweep up and one down find both, whatever the length of the chains that fall.
    /// </remarks>
    public static Circuit Prune(Circuit circuit)
    {
        var graph = circuit.Graph;
        var edges = new List<EdgeId>(circuit.EdgeCount);
        edges.AddRange(circuit.Edges);
        var alive = Alive(graph, edges);
        edges.RemoveAll(e => !alive[graph.SourceOf(e)] || !alive[graph.TargetOf(e)]);
        return edges.Count == circuit.EdgeCount ? circuit : new Circuit(graph, edges, circuit.Neurons?.In(alive));
    }

    // Edges ascend by source.
    private static bool[] Alive(ModelGraph graph, List<EdgeId> edges)
    {
        var fed = new bool[graph.Nodes];
        fed[ModelGraph.InputNode] = true;
        foreach (var e in edges)
        {
            if (fed[graph.SourceOf(e)]) fed[graph.TargetOf(e)] = true;
        }
        var alive = new bool[graph.Nodes];
        alive[graph.LogitsNode] = true;
        for (var i = edges.Count - 1; i >= 0; i--)
        {
            var source = graph.SourceOf(edges[i]);
            if (fed[source] && alive[graph.TargetOf(edges[i])]) alive[source] = true;
        }
        return alive;
    }
}
