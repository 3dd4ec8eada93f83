namespace Faith.Engine.Statistics;

/// <summary>A confidence interval.</summary>
/// <param name="Low">Its lower end.</param>
/// <param name="High">Its upper end.</param>
public readonly record struct Interval(double Low, double High)
{
    /// <summary>True when all of it lies on one side of zero; not where there is none.</summary>
    public bool IsCertain => Low > 0 || High < 0;

    /// <summary>
    /// The percentile interval of bootstrap values (Efron 1979): the quantiles (1 ∓ confidence)/2 of the finite ones, linear between
    /// order statistics. NaN where there is none.
    /// </summary>
    /// <param name="values">What the resamples gave.</param>
    /// <param name="confidence">0.95 for a 95 % interval.</param>
    public static Interval Of(IEnumerable<double> values, double confidence)
    {
        if (!(confidence is > 0 and < 1)) throw new ArgumentOutOfRangeException(nameof(confidence), confidence, "a confidence is between 0 and 1");
        return Quantiles.Of(values, (1 - confidence) / 2, (1 + confidence) / 2) is [var low, var high] ? new(low, high) : default;
    }
}
