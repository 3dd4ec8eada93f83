using Faith.Engine.Attribution;
using Faith.Engine.Graphs;

namespace Faith.Engine.Statistics;

/// <summary>The scores of every example, kept: examples × edges numbers of 4 bytes.</summary>
public sealed class ExampleScores : IScoreSink
{
    private readonly EdgeId[] edges;
    private readonly float[][] scores;

    /// <summary>Room for <paramref name="examples"/> examples.</summary>
    public ExampleScores(ModelGraph graph, int examples)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentOutOfRangeException.ThrowIfLessThan(examples, 1);
        Graph = graph;
        edges = [.. graph.AllEdges];
        scores = new float[examples][];
    }

    /// <summary>The graph.</summary>
    public ModelGraph Graph { get; }
    /// <summary>Number of examples.</summary>
    public int Examples => scores.Length;
    /// <summary>The edges, ascending: what the entries of <see cref="Of"/> belong to.</summary>
    public IReadOnlyList<EdgeId> Edges => edges;
    /// <summary>The scores of one example, edge by edge.</summary>
    public ReadOnlySpan<float> Of(int example) => scores[example];

    /// <inheritdoc/>
    public void Add(int example, ReadOnlySpan<float> scores)
    {
        var kept = this.scores[example] = new float[edges.Length];
        for (var i = 0; i < kept.Length; i++) kept[i] = scores[edges[i]];
    }

    /// <summary>The mean score of one edge in every resample; the same bits as <see cref="Means"/>.</summary>
    public double[] Resampled(EdgeId edge, Bootstrap bootstrap)
    {
        ArgumentNullException.ThrowIfNull(bootstrap);
        var place = Array.BinarySearch(edges, edge);
        if (place < 0) throw new ArgumentException($"{edge.Index} is not an edge", nameof(edge));
        double[] ofEdge = [.. scores.Select(example => example[place])];
        var means = new double[bootstrap.Count];
        for (var r = 0; r < means.Length; r++)
        {
            var weights = bootstrap[r];
            if (weights.Length != ofEdge.Length) throw new ArgumentException($"{weights.Length} weights for {ofEdge.Length} examples", nameof(bootstrap));
            var (sum, total) = (0.0, 0L);
            for (var e = 0; e < ofEdge.Length; e++)
            {
                sum += weights[e] * ofEdge[e];
                total += weights[e];
            }
            means[r] = sum / total;
        }
        return means;
    }

    /// <summary>Weighted mean scores: Σ_i w_i s_i / Σ_i w_i, summed in double in the order of the examples.</summary>
    /// <param name="weights">A weight an example.</param>
    public EdgeScores Means(ReadOnlySpan<int> weights)
    {
        if (weights.Length != scores.Length) throw new ArgumentException($"{weights.Length} weights for {scores.Length} examples", nameof(weights));
        var (sums, total) = (new double[edges.Length], 0L);
        for (var e = 0; e < scores.Length; e++)
        {
            if (weights[e] == 0) continue;
            double weight = weights[e];
            var example = scores[e];
            total += weights[e];
            for (var i = 0; i < sums.Length; i++) sums[i] += weight * example[i];
        }
        var values = new double[Graph.Pairs];
        for (var i = 0; i < edges.Length; i++) values[edges[i]] = sums[i] / total;
        return new EdgeScores(Graph, values);
    }
}
