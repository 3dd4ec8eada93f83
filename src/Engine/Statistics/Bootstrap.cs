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
        double[] values = [.. counts.Select(weights => result.NormalisedOf(Mean(weights, result.Circuit), Mean(weights, result.Clean), Mean(weights, result.Corrupted)))];
        var isDefined = result.Undefined is null && values.Count(double.IsNaN) <= (1 - confidence) * values.Length;
        return Interval.Of(isDefined ? values : [], confidence);
    }

    private static double Mean(int[] weights, double[] values)
    {
        var sum = 0.0;
        for (var i = 0; i < weights.Length; i++) sum += weights[i] * values[i];
        return sum / values.Length;
    }
}
