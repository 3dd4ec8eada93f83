using Faith.Engine.Graphs;

namespace Faith.Engine.Attribution;

/// <summary>The scores of the edges of a <see cref="SpanGraph"/> over the examples.</summary>
internal sealed class SpanSums(SpanGraph graph, int examples)
{
    private readonly EntrySums sums = new([.. graph.AllEdges.Select(edge => edge.Index)], graph.Entries, examples);
    private readonly float[] values = new float[graph.Entries];
    private readonly int examples = examples;

    /// <summary>Adds the scores of an example of a run.</summary>
    public void Add(PathRun run, int example)
    {
        run.ReadSpanScores(example, values);
        sums.Add(values);
    }

    /// <summary>The sums of parts of a data set as one.</summary>
    public static SpanSums Join(IReadOnlyList<SpanSums> parts)
    {
        var all = new SpanSums(parts[0].Graph, parts.Sum(p => p.examples));
        foreach (var part in parts) all.sums.Add(part.sums);
        return all;
    }

    /// <summary>The graph.</summary>
    public SpanGraph Graph => graph;

    /// <summary>Mean scores.</summary>
    public SpanScores Means() => new(graph, sums.Means());

    /// <summary>Standard errors of the means; null with one example.</summary>
    public double[]? StandardErrors() => sums.StandardErrors();
}
