namespace Faith.Engine.Statistics;

/// <summary>Whether a circuit would be the same with other examples.</summary>
public enum StabilityVerdict
{
    /// <summary>Resamples of enough examples give nearly the same circuit.</summary>
    Stable,
    /// <summary>Resamples of enough examples give other circuits.</summary>
    NotStable,
    /// <summary>There are too few examples to say.</summary>
    TooFewExamples,
}
