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
        var columnsOf = new List<int>[graph.Nodes];
        for (var node = 0; node < graph.Nodes; node++) columnsOf[node] = [];
        for (var column = 0; column < graph.Columns; column++) columnsOf[graph.NodeOfColumn(column)].Add(column);

        // Smallest first: the complement of the key, then the index, in one number.
        var candidates = new PriorityQueue<int, UInt128>();
        var inside = new bool[graph.Nodes];
        var chosen = new List<int>(count);
        Enter(graph.LogitsNode);
        while (chosen.Count < count)
        {
            var edge = candidates.Dequeue();
            chosen.Add(edge);
            if (!inside[edge / graph.Columns]) Enter(edge / graph.Columns);
        }
        return new Circuit(graph, chosen);

        void Enter(int node)
        {
            inside[node] = true;
            foreach (var column in columnsOf[node])
            {
                for (var source = 0; source < graph.SourcesBefore(column); source++)
                {
                    var edge = source * graph.Columns + column;
                    candidates.Enqueue(edge, new UInt128(~RankingKeys.Of(scores, edge, signed), (ulong)edge));
                }
            }
        }
    }
}
