using Faith.Engine.Graphs;

namespace Faith.Engine.Circuits;

/// <summary>The edges with a score of at least a bound.</summary>
internal static class ThresholdSelection
{
    /// <summary>Every edge whose |score| (or score) is <paramref name="threshold"/> or more.</summary>
    public static Circuit Select(EdgeScores scores, double threshold, bool signed)
    {
        var bound = RankingKeys.OfThreshold(threshold);
        return new Circuit(scores.Graph, scores.Graph.AllEdges.Where(edge => RankingKeys.Of(scores, edge, signed) >= bound));
    }
}
