using Faith.Engine.Graphs;

namespace Faith.Engine.Circuits;

/// <summary>Nodes by their scores, and every edge between them.</summary>
internal static class NodeSelection
{
    /// <summary>The <paramref name="count"/> best heads and MLPs, ties by lower node number; input and logits always belong.</summary>
    public static Circuit Select(ModelGraph graph, IReadOnlyList<double> scores, int count, bool signed)
    {
        if (count < 0 || count >= graph.Sources) throw new InputException($"a circuit of {count} nodes was asked for; give a number from 0 to {graph.Sources - 1}");
        var keys = Keys(graph, scores, signed);
        return With(graph, [ModelGraph.InputNode, .. graph.AllSources.Skip(1).OrderByDescending(u => keys[u]).Take(count)]);
    }

    /// <summary>The heads and MLPs that score <paramref name="threshold"/> or more; input and logits always belong.</summary>
    public static Circuit AtLeast(ModelGraph graph, IReadOnlyList<double> scores, double threshold, bool signed)
    {
        var (keys, bound) = (Keys(graph, scores, signed), RankingKeys.OfThreshold(threshold));
        return With(graph, [ModelGraph.InputNode, .. graph.AllSources.Skip(1).Where(u => keys[u] >= bound)]);
    }

    /// <summary>Every edge from a node that is <paramref name="inside"/> to another, or to logits.</summary>
    public static IEnumerable<EdgeId> EdgesBetween(ModelGraph graph, bool[] inside)
    {
        inside[graph.LogitsNode] = true;
        return graph.AllEdges.Where(e => inside[graph.SourceOf(e)] && inside[graph.TargetOf(e)]);
    }

    private static ulong[] Keys(ModelGraph graph, IReadOnlyList<double> scores, bool signed)
    {
        if (scores.Count != graph.Sources) throw new ArgumentException($"{scores.Count} scores for {graph.Sources} nodes", nameof(scores));
        return [.. scores.Select((score, u) => RankingKeys.Of(score, signed, () => graph.NodeName(new(u))))];
    }

    /// <summary>Every edge from one of the nodes to another, or to logits.</summary>
    public static Circuit With(ModelGraph graph, IReadOnlyList<NodeId> nodes)
    {
        var inside = new bool[graph.Nodes];
        foreach (var u in nodes) inside[u] = true;
        return new Circuit(graph, EdgesBetween(graph, inside));
    }
}
