using Faith.Engine.Graphs;

namespace Faith.Engine.Statistics;

/// <summary>The edges whose score would have the same sign with other examples: zero is not in its bootstrap interval.</summary>
public static class CertainEdges
{
    /// <summary>Resamples, as faith stability draws unless told otherwise.</summary>
    public const int Resamples = 200;
    /// <summary>Confidence of the intervals, as there.</summary>
    public const double Confidence = 0.95;

    /// <summary>The edges, ascending.</summary>
    /// <param name="scores">The scores of every example.</param>
    /// <param name="seed">Which resamples.</param>
    public static IReadOnlyList<EdgeId> Of(ExampleScores scores, ulong seed = 0)
    {
        ArgumentNullException.ThrowIfNull(scores);
        var bootstrap = new Bootstrap(scores.Examples, Resamples, seed);
        return [.. scores.Edges.Where(edge => Interval.Of(scores.Resampled(edge, bootstrap), Confidence).IsCertain)];
    }
}
