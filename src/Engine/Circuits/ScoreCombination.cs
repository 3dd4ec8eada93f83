using Faith.Engine.Graphs;

namespace Faith.Engine.Circuits;

/// <summary>One ranking of edges out of several, as of other seeds, methods or data.</summary>
public static class ScoreCombination
{
    /// <summary>The ways, by name.</summary>
    public static IReadOnlyDictionary<string, Func<IReadOnlyList<EdgeScores>, EdgeScores>> All { get; } = new Dictionary<string, Func<IReadOnlyList<EdgeScores>, EdgeScores>>
    {
        ["mean"] = Mean,
        ["rank"] = Rank,
        ["max"] = Max,
    };

    /// <summary>The mean of the scores, each set divided by its largest |score|.</summary>
    /// <exception cref="InputException">The graphs differ, or all scores of a set are zero.</exception>
    public static EdgeScores Mean(IReadOnlyList<EdgeScores> scores) => Combine(scores, Scaled, values => values.Average());

    /// <summary>Of the scores, each set divided by its largest |score|, the one that is largest in size; of equal ones the first.</summary>
    /// <exception cref="InputException">The graphs differ, or all scores of a set are zero.</exception>
    public static EdgeScores Max(IReadOnlyList<EdgeScores> scores) => Combine(scores, Scaled, values => values.MaxBy(Math.Abs));

    /// <summary>The mean of the ranks by |score| from 1/E to 1, each with the sign of its score; equal scores share the mean of their ranks.</summary>
    /// <exception cref="InputException">The graphs differ, or all scores of a set are zero.</exception>
    public static EdgeScores Rank(IReadOnlyList<EdgeScores> scores) => Combine(scores, Ranked, values => values.Average());

    private static EdgeScores Combine(IReadOnlyList<EdgeScores> scores, Func<EdgeScores, EdgeId[], double[]> prepare, Func<double[], double> join)
    {
        ArgumentNullException.ThrowIfNull(scores);
        var graph = scores[0].Graph;
        if (scores.Any(s => s.Graph != graph)) throw new InputException("the scores are of different models, so that they have no edges in common");
        EdgeId[] edges = [.. graph.AllEdges];
        var prepared = scores.Select(s => prepare(s, edges)).ToArray();
        var values = new double[graph.Pairs];
        for (var i = 0; i < edges.Length; i++) values[edges[i]] = join(Array.ConvertAll(prepared, p => p[i]));
        return new EdgeScores(graph, values);
    }

    private static double[] Scaled(EdgeScores scores, EdgeId[] edges)
    {
        var largest = edges.Max(edge => Math.Abs(scores[edge]));
        return largest > 0 ? Array.ConvertAll(edges, edge => scores[edge] / largest) : throw new InputException("all of its scores are zero, so that they rank nothing");
    }

    private static double[] Ranked(EdgeScores scores, EdgeId[] edges)
    {
        if (edges.All(edge => scores[edge] == 0)) throw new InputException("all of its scores are zero, so that they rank nothing");
        var ranks = RankCorrelation.Ranks(Array.ConvertAll(edges, edge => Math.Abs(scores[edge])));
        return [.. edges.Select((edge, i) => Math.Sign(scores[edge]) * ranks[i] / edges.Length)];
    }
}
