using Faith.Engine.Graphs;

namespace Faith.Engine.Circuits;

/// <summary>The best edges with a given share of those that hinder: a circuit of the largest scores alone may leave out what holds the behaviour back.</summary>
internal static class RatioSelection
{
    /// <summary>
    /// Of <paramref name="count"/> edges the share <paramref name="negative"/>, rounded down, are those of the smallest scores below 0, and the others those
    /// of the largest scores; where there are too few of one kind the other fills up. Ties go to the lower index.
    /// </summary>
    public static Circuit Select(EdgeScores scores, int count, double negative)
    {
        var graph = scores.Graph;
        RankingKeys.CheckCount(graph, count);
        EdgeId[] rising = [.. graph.AllEdges.OrderBy(edge => RankingKeys.Of(scores, edge, signed: true))];
        var below = rising.TakeWhile(edge => scores[edge] < 0).Count();
        var hindering = Math.Clamp((int)(count * negative), Math.Max(0, count - (rising.Length - below)), Math.Min(count, below));
        var helping = rising[below..].OrderByDescending(edge => RankingKeys.Of(scores, edge, signed: true));
        return new Circuit(graph, rising.Take(hindering).Concat(helping.Take(count - hindering)));
    }
}
