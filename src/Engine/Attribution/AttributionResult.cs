using Faith.Engine.Graphs;

namespace Faith.Engine.Attribution;

/// <summary>The scores of every edge and what is known about them.</summary>
public sealed class AttributionResult
{
    /// <summary>Mean score over the examples.</summary>
    public required EdgeScores Scores { get; init; }
    /// <summary>Standard error of every mean score, laid out like <see cref="EdgeScores.Values"/>; null with one example.</summary>
    public double[]? StandardErrors { get; init; }
    /// <summary>The metric of the clean run, by example.</summary>
    public required double[] Clean { get; init; }
    /// <summary>The metric of the corrupted run, by example.</summary>
    public required double[] Corrupted { get; init; }
    /// <summary>Σ_v score(input→v), by example.</summary>
    public double[]? InputScores { get; init; }
    /// <summary>
    /// |mean Σ_v score(input→v) − (L(corrupted) − L(clean))| / |L(corrupted) − L(clean)| (method.md §4): what the path integral missed. Null where it does not apply or the denominator is zero.
    /// </summary>
    public double? CompletenessGap { get; init; }
    /// <summary>Seconds of the run, model set-up excluded.</summary>
    public required double Seconds { get; init; }
    /// <summary>Seconds by phase.</summary>
    public required IReadOnlyDictionary<string, double> Phases { get; init; }
    /// <summary>Bytes of the largest micro-batch.</summary>
    public required long WorkspaceBytes { get; init; }
}
