namespace Faith.Engine.Statistics;

/// <summary>A number with what resamples of the examples make of it.</summary>
/// <param name="value">Of all examples; NaN where it is not defined.</param>
/// <param name="resamples">Of every resample.</param>
public sealed class Resampled(double value, IReadOnlyList<double> resamples)
{
    private (double Confidence, Interval Interval)? last;

    /// <summary>Of all examples; NaN where it is not defined.</summary>
    public double Value => value;
    /// <summary>Of every resample.</summary>
    public IReadOnlyList<double> Resamples => resamples;

    /// <summary>The percentile interval; NaN where there is none. Each row of a table asks for both ends of the same one.</summary>
    public Interval Interval(double confidence)
    {
        if (last?.Confidence != confidence) last = (confidence, Bootstrap.IntervalOf(double.IsNaN(value) ? [] : [.. resamples], confidence));
        return last.Value.Interval;
    }

    /// <summary>The mean of several, resample by resample: their examples must have been drawn independently.</summary>
    public static Resampled Mean(IReadOnlyCollection<Resampled> parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        return new(parts.Average(p => p.Value), [.. Enumerable.Range(0, parts.Min(p => p.Resamples.Count)).Select(r => parts.Average(p => p.Resamples[r]))]);
    }
}
