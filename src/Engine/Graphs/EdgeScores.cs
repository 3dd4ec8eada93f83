namespace Faith.Engine.Graphs;

/// <summary>A score for every edge: dense [F × N], entry u·N + v, zero where there is no edge. Positive: the edge helps.</summary>
public sealed class EdgeScores(ModelGraph graph, double[] values)
{
    /// <summary>The graph.</summary>
    public ModelGraph Graph { get; } = graph;
    /// <summary>[F · N] values.</summary>
    public double[] Values { get; } = values.Length == graph.Pairs
        ? values : throw new ArgumentException($"{values.Length} scores for {graph.Pairs} pairs", nameof(values));
    /// <summary>The score of an edge.</summary>
    public double this[EdgeId edge] => Values[edge];

    /// <summary>0 for every edge.</summary>
    public static EdgeScores Zero(ModelGraph graph) => new(graph, new double[graph.Pairs]);
}
