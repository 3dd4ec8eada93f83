using Faith.Engine.Graphs;

namespace Faith.Engine.Circuits;

/// <summary>The edges with a score of at least a bound.</summary>
internal static class ThresholdSelection
{
    /// <summary>Every edge whose |score| (or score) is <paramref name="threshold"/> or more.</summary>
    public static Circuit Select(EdgeScores scores, double threshold, bool signed)
    {
        var graph = scores.Graph;
        var bound = RankingKeys.OfThreshold(threshold);
        var chosen = new List<int>();
        for (var column = 0; column < graph.Columns; column++)
        {
            for (var source = 0; source < graph.SourcesBefore(column); source++)
            {
                var edge = source * graph.Columns + column;
                if (RankingKeys.Of(scores, edge, signed) >= bound) chosen.Add(edge);
            }
        }
        return new Circuit(graph, chosen);
    }
}
