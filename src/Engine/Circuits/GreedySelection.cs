using Faith.Engine.Graphs;

namespace Faith.Engine.Circuits;

/// <summary>Grown from logits downwards, so that every edge leads somewhere.</summary>
internal static class GreedySelection
{
    /// <summary>
    /// Starts from logits and takes, <paramref name="count"/> times, the best edge into a node of the circuit (ties by lower index);
    /// a source that comes in brings its own in-edges, q, k and v alike. A heap holds the candidates: O(E log E).
    /// </summary>
    public static Circuit Select(EdgeScores scores, int count, bool signed)
    {
        var graph = scores.Graph;
        RankingKeys.CheckCount(graph, count);
        // Smallest first: the complement of the key, then the index, in one number.
        var candidates = new PriorityQueue<EdgeId, UInt128>();
        var inside = new bool[graph.Nodes];
        var chosen = new List<EdgeId>(count);
        Enter(graph.LogitsNode);
        while (chosen.Count < count)
        {
            var edge = candidates.Dequeue();
            chosen.Add(edge);
            var source = graph.SourceOf(edge);
            if (!inside[source]) Enter(source);
        }
        return new Circuit(graph, chosen);

        void Enter(NodeId node)
        {
            inside[node] = true;
            foreach (var edge in graph.ColumnsOf(node).SelectMany(graph.InEdges))
            {
                candidates.Enqueue(edge, new UInt128(~RankingKeys.Of(scores, edge, signed), (ulong)edge.Index));
            }
        }
    }
}
