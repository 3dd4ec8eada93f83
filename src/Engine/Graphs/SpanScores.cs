namespace Faith.Engine.Graphs;

/// <summary>A score for every edge of a <see cref="SpanGraph"/>; 0 where an entry is no edge. Positive: the edge helps.</summary>
public sealed class SpanScores(SpanGraph graph, double[] values)
{
    /// <summary>The graph.</summary>
    public SpanGraph Graph { get; } = graph;
    /// <summary>[<see cref="SpanGraph.Entries"/>] values.</summary>
    public double[] Values { get; } = values.Length == graph.Entries ? values : throw new ArgumentException($"{values.Length} scores for {graph.Entries} entries", nameof(values));
    /// <summary>The score of an edge.</summary>
    public double this[SpanEdgeId edge] => Values[edge];
}
