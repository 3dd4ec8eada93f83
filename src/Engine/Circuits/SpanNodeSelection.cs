using Faith.Engine.Graphs;

namespace Faith.Engine.Circuits;

/// <summary>
/// Nodes at spans by their scores, and every edge between them, as <see cref="NodeSelection"/> does without spans: what is left out is what other nodes put out at the positions of a span. A head
/// that is in the circuit at a span reads the keys and values that it has anywhere.
/// </summary>
internal static class SpanNodeSelection
{
    /// <summary>The <paramref name="count"/> best heads and MLPs at spans, ties by lower node, then span; input and logits always belong.</summary>
    public static SpanCircuit Select(SpanGraph graph, IReadOnlyList<double> scores, int count, bool signed)
    {
        if (count < 0 || count > SpanSelection.NodesOf(graph)) throw new InputException($"a circuit of {count} nodes was asked for; give a number from 0 to {SpanSelection.NodesOf(graph)}");
        var keys = Keys(graph, scores, signed);
        return With(graph, [.. Enumerable.Range(graph.Spans.Count, SpanSelection.NodesOf(graph)).OrderByDescending(place => keys[place]).Take(count)]);
    }

    /// <summary>The heads and MLPs at spans that score <paramref name="threshold"/> or more; input and logits always belong.</summary>
    public static SpanCircuit AtLeast(SpanGraph graph, IReadOnlyList<double> scores, double threshold, bool signed)
    {
        var (keys, bound) = (Keys(graph, scores, signed), RankingKeys.OfThreshold(threshold));
        return With(graph, [.. Enumerable.Range(graph.Spans.Count, SpanSelection.NodesOf(graph)).Where(place => keys[place] >= bound)]);
    }

    private static ulong[] Keys(SpanGraph graph, IReadOnlyList<double> scores, bool signed)
    {
        var spans = graph.Spans.Count;
        if (scores.Count != graph.Model.Sources * spans) throw new ArgumentException($"{scores.Count} scores for {graph.Model.Sources} nodes at {spans} spans", nameof(scores));
        return [.. scores.Select((score, place) => RankingKeys.Of(score, signed, () => graph.NodeName(new(place / spans), place % spans)))];
    }

    /// <summary>Every edge from one of the nodes, by its place u·S + s, to another, or to logits.</summary>
    private static SpanCircuit With(SpanGraph graph, int[] places)
    {
        var (spans, inside) = (graph.Spans.Count, new bool[graph.Vertices]);
        foreach (var place in places) inside[graph.Vertex(new(place / spans), place % spans)] = true;
        for (var s = 0; s < spans; s++) inside[graph.Vertex(ModelGraph.InputNode, s)] = inside[graph.Vertex(graph.Model.LogitsNode, s)] = true;
        // Edges between spans lead from ports, which belong to whoever reads them.
        foreach (var edge in graph.CrossingEdges.Where(edge => inside[graph.TargetOf(edge)])) inside[graph.SourceOf(edge)] = true;
        foreach (var place in places)
        {
            foreach (var port in graph.PortsOf(graph.Vertex(new(place / spans), place % spans))) inside[port] = true;
        }
        return new(graph, graph.AllEdges.Where(edge => inside[graph.SourceOf(edge)] && inside[graph.TargetOf(edge)]));
    }
}
