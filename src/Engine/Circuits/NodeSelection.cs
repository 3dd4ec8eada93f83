using Faith.Engine.Graphs;

namespace Faith.Engine.Circuits;

/// <summary>The nodes with the largest scores, and every edge between them.</summary>
internal static class NodeSelection
{
    /// <summary>The <paramref name="count"/> best heads and MLPs, ties by lower node number; input and logits always belong.</summary>
    public static Circuit Select(ModelGraph graph, IReadOnlyList<double> scores, int count, bool signed)
    {
        if (scores.Count != graph.Sources) throw new ArgumentException($"{scores.Count} scores for {graph.Sources} nodes", nameof(scores));
        if (count < 0 || count >= graph.Sources) throw new InputException($"a circuit of {count} nodes was asked for; give a number from 0 to {graph.Sources - 1}");
        for (var u = 0; u < graph.Sources; u++)
        {
            if (double.IsNaN(scores[u])) throw new InputException($"the score of {graph.NodeName(u)} is not a number: no circuit can be selected");
        }
        var inside = new bool[graph.Nodes];
        inside[0] = inside[graph.LogitsNode] = true;
        var ranking = Enumerable.Range(1, graph.Sources - 1).OrderByDescending(u => RankingKeys.Ordered(signed ? scores[u] : Math.Abs(scores[u])));
        foreach (var u in ranking.Take(count)) inside[u] = true;
        return new Circuit(graph, Circuit.Full(graph).Edges.Where(e => inside[e / graph.Columns] && inside[graph.NodeOfColumn(e % graph.Columns)]));
    }
}
