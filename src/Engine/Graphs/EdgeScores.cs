namespace Faith.Engine.Graphs;

/// <summary>A score for every edge: dense [F × N], entry u·N + v, zero where there is no edge. Positive: the edge helps.</summary>
public sealed class EdgeScores(ModelGraph graph, double[] values)
{
    /// <summary>The graph.</summary>
    public ModelGraph Graph { get; } = graph;
    /// <summary>[F · N] values.</summary>
    public double[] Values { get; } = values.Length == (long)graph.Sources * graph.Columns
        ? values : throw new ArgumentException($"{values.Length} scores for {(long)graph.Sources * graph.Columns} pairs", nameof(values));
    /// <summary>The score of u → v.</summary>
    public double this[int source, int column] => Values[(long)source * Graph.Columns + column];

    /// <summary>0 for every edge.</summary>
    public static EdgeScores Zero(ModelGraph graph) => new(graph, new double[graph.Sources * graph.Columns]);
}
