namespace Faith.Engine.Statistics;

/// <summary>A number with what resamples of the examples make of it.</summary>
/// <param name="Value">Of all examples; NaN where it is not defined.</param>
/// <param name="Resamples">Of every resample.</param>
public sealed record Resampled(double Value, IReadOnlyList<double> Resamples)
{
    /// <summary>The percentile interval; NaN where there is none.</summary>
    public Interval Interval(double confidence) => Bootstrap.IntervalOf(double.IsNaN(Value) ? [] : [.. Resamples], confidence);

    /// <summary>The mean of several, resample by resample: their examples must have been drawn independently.</summary>
    public static Resampled Mean(IReadOnlyCollection<Resampled> parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        return new(parts.Average(p => p.Value), [.. Enumerable.Range(0, parts.Min(p => p.Resamples.Count)).Select(r => parts.Average(p => p.Resamples[r]))]);
    }
}
