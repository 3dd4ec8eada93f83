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
        var all = Circuit.Full(graph).Edges.ToArray();
        var best = Circuit.Empty(graph);
        for (var attempt = 0; attempt < Attempts && best.EdgeCount < edges; attempt++)
        {
            random.Shuffle<int>(all);
            var circuit = new Circuit(graph, Grow(graph, all, edges, ref random));
            if (circuit.EdgeCount > best.EdgeCount) best = circuit;
        }
        return best;
    }

    private static HashSet<int> Grow(ModelGraph graph, int[] order, int count, ref Random64 random)
    {
        var columnsOf = Enumerable.Range(0, graph.Columns).ToLookup(graph.NodeOfColumn);
        var chosen = new HashSet<int>(count);
        var inside = new bool[graph.Nodes];
        inside[0] = inside[graph.LogitsNode] = true;
        var path = new List<int>();
        foreach (var edge in order)
        {
            if (chosen.Count == count) break;
            if (chosen.Contains(edge)) continue;
            path.Clear();
            path.Add(edge);
            for (var node = edge / graph.Columns; !inside[node]; node = path[^1] / graph.Columns)
            {
                var columns = columnsOf[node].ToArray();
                var column = columns[random.Below(columns.Length)];
                path.Add(random.Below(graph.SourcesBefore(column)) * graph.Columns + column);
            }
            for (var node = graph.NodeOfColumn(edge % graph.Columns); !inside[node]; node = graph.NodeOfColumn(path[^1] % graph.Columns))
            {
                var first = FirstColumnAfter(graph, node);
                path.Add(node * graph.Columns + first + random.Below(graph.Columns - first));
            }
            if (chosen.Count + path.Count > count) continue;
            foreach (var e in path)
            {
                chosen.Add(e);
                inside[e / graph.Columns] = inside[graph.NodeOfColumn(e % graph.Columns)] = true;
            }
        }
        // Those passed over for want of room: where only their ends had to be in, they fit now.
        foreach (var edge in order)
        {
            if (chosen.Count == count) break;
            if (inside[edge / graph.Columns] && inside[graph.NodeOfColumn(edge % graph.Columns)]) chosen.Add(edge);
        }
        return chosen;
    }

    // The columns that read a node are the last ones: how many sources feed a column never falls from one to the next.
    private static int FirstColumnAfter(ModelGraph graph, int source)
    {
        int low = 0, high = graph.LogitsColumn;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (graph.SourcesBefore(middle) > source) high = middle;
            else low = middle + 1;
        }
        return low;
    }
}
