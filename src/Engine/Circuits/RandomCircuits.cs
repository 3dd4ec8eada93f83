using Faith.Engine.Graphs;

namespace Faith.Engine.Circuits;

/// <summary>
/// Random circuits to compare found ones with. Edges drawn one by one would mostly be dangling, and pruned to nothing at the sizes
/// of interest; so a circuit is grown of whole paths: the edges are visited in random order, and one that is not in yet comes in
/// with what it takes to connect it — a random walk down from its source until input or a node of the circuit, and one up from its
/// destination until logits or a node of the circuit. Nothing of such a circuit would be pruned.
/// </summary>
public static class RandomCircuits
{
    private const int Attempts = 32;

    /// <summary>
    /// A circuit of <paramref name="edges"/> edges, the same for the same seed. A path that would overshoot is passed over, so the
    /// number is met whenever edges between nodes of the circuit are left; of several attempts the largest counts, and only for a
    /// handful of edges, where no circuit of that size may exist, can it still be a few fewer.
    /// </summary>
    /// <exception cref="InputException">The graph has fewer edges.</exception>
    public static Circuit Sample(ModelGraph graph, int edges, ulong seed)
    {
        RankingKeys.CheckCount(graph, edges);
        if (edges == graph.Edges) return Circuit.Full(graph);
        var random = new Random64(seed);
        var all = graph.AllEdges.ToArray();
        var best = Circuit.Empty(graph);
        for (var attempt = 0; attempt < Attempts && best.EdgeCount < edges; attempt++)
        {
            random.Shuffle<EdgeId>(all);
            var circuit = new Circuit(graph, Grow(graph, all, edges, ref random));
            if (circuit.EdgeCount > best.EdgeCount) best = circuit;
        }
        return best;
    }

    private static HashSet<EdgeId> Grow(ModelGraph graph, EdgeId[] order, int count, ref Random64 random)
    {
        var chosen = new HashSet<EdgeId>(count);
        var inside = new bool[graph.Nodes];
        inside[ModelGraph.InputNode] = inside[graph.LogitsNode] = true;
        var path = new List<EdgeId>();
        foreach (var edge in order)
        {
            if (chosen.Count == count) break;
            if (chosen.Contains(edge)) continue;
            path.Clear();
            path.Add(edge);
            for (var node = graph.SourceOf(edge); !inside[node]; node = graph.SourceOf(path[^1]))
            {
                var columns = graph.ColumnsOf(node).ToArray();
                var column = columns[random.Below(columns.Length)];
                path.Add(graph.Edge(new(random.Below(graph.SourcesBefore(column))), column));
            }
            for (var node = graph.TargetOf(edge); !inside[node]; node = graph.TargetOf(path[^1]))
            {
                var first = graph.FirstColumnAfter(node).Index;
                path.Add(graph.Edge(node, new(first + random.Below(graph.Columns - first))));
            }
            if (chosen.Count + path.Count > count) continue;
            foreach (var e in path)
            {
                chosen.Add(e);
                inside[graph.SourceOf(e)] = inside[graph.TargetOf(e)] = true;
            }
        }
        // Those passed over for want of room: where only their ends had to be in, they fit now.
        foreach (var edge in order)
        {
            if (chosen.Count == count) break;
            if (inside[graph.SourceOf(edge)] && inside[graph.TargetOf(edge)]) chosen.Add(edge);
        }
        return chosen;
    }
}
