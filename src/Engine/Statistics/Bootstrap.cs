using Faith.Engine.Circuits;

namespace Faith.Engine.Statistics;

/// <summary>Resamples of a data set: as many examples as there are, drawn with replacement. The same for a seed everywhere.</summary>
public sealed class Bootstrap
{
    private readonly int[][] counts;

    /// <summary>Draws the resamples.</summary>
    /// <param name="examples">Examples of the data set.</param>
    /// <param name="resamples">How many resamples.</param>
    /// <param name="seed">Which.</param>
    public Bootstrap(int examples, int resamples, ulong seed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(examples, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(resamples, 1);
        var random = new Random64(seed);
        counts = new int[resamples][];
        for (var r = 0; r < resamples; r++)
        {
            counts[r] = new int[examples];
            for (var i = 0; i < examples; i++) counts[r][random.Below(examples)]++;
        }
    }

    /// <summary>Number of resamples.</summary>
    public int Count => counts.Length;

    /// <summary>How often a resample drew each example.</summary>
    public ReadOnlySpan<int> this[int resample] => counts[resample];

    /// <summary>
    /// The interval of the normalised faithfulness of a circuit: clean, corrupted and circuit run are resampled together. NaN where more
    /// of the resamples than the interval may leave out give none.
    /// </summary>
    public Interval Faithfulness(Faithfulness result, double confidence)
    {
        ArgumentNullException.ThrowIfNull(result);
        return IntervalOf(result.Undefined is null ? Normalised(result) : [], confidence);
    }

    /// <summary>The normalised faithfulness of a circuit in every resample; NaN where that gives none.</summary>
    public double[] Normalised(Faithfulness result)
    {
        ArgumentNullException.ThrowIfNull(result);
        return result.NormalisedOf(Means(result.Circuit), Means(result.Clean), Means(result.Corrupted));
    }

    /// <summary>The mean of values by example in every resample.</summary>
    public double[] Means(IReadOnlyList<double> values) => [.. counts.Select(weights =>
    {
        var sum = 0.0;
        for (var i = 0; i < weights.Length; i++) sum += weights[i] * values[i];
        return sum / values.Count;
    })];

    /// <summary>The interval of what resamples gave; NaN where more of them than it may leave out gave nothing.</summary>
    public static Interval IntervalOf(IReadOnlyCollection<double> values, double confidence) =>
        Interval.Of(values.Count(double.IsNaN) <= (1 - confidence) * values.Count ? values : [], confidence);
}
