namespace Faith.Engine.Statistics;

/// <summary>When a circuit is called stable (arXiv 2510.00845): its resamples' circuits overlap with it by a Jaccard index of 0.8 or more on average, over at least 100 examples.</summary>
public static class StabilityVerdicts
{
    /// <summary>The least mean overlap of a stable circuit.</summary>
    public const double LeastJaccard = 0.8;
    /// <summary>The fewest examples of which anything is said.</summary>
    public const int LeastExamples = 100;

    /// <summary>The verdict.</summary>
    /// <param name="jaccard">Mean Jaccard overlap of the resamples' circuits with that of all examples.</param>
    /// <param name="examples">How many examples were resampled.</param>
    public static StabilityVerdict Of(double jaccard, int examples) =>
        examples < LeastExamples ? StabilityVerdict.TooFewExamples : jaccard >= LeastJaccard ? StabilityVerdict.Stable : StabilityVerdict.NotStable;

    /// <summary>The verdict in words.</summary>
    public static string Words(this StabilityVerdict verdict) => verdict switch
    {
        StabilityVerdict.Stable => "stable",
        StabilityVerdict.NotStable => "not stable",
        _ => "too few examples to say",
    };
}
