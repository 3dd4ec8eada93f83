namespace Faith.Engine.Statistics;

/// <summary>Quantiles of some numbers.</summary>
public static class Quantiles
{
    /// <summary>The shares that tables and files tell of values by example.</summary>
    public static IReadOnlyList<double> Told { get; } = [0.05, 0.25, 0.5, 0.75, 0.95];

    /// <summary>The quantiles of the finite ones of some numbers; NaN where there is none.</summary>
    public static double[] Of(IEnumerable<double> values, params IReadOnlyList<double> shares)
    {
        double[] rising = [.. values.Where(double.IsFinite).Order()];
        return [.. shares.Select(share => Of(rising, share))];
    }

    // Linear between order statistics: type 7 of Hyndman and Fan (1996), which numpy and R take unless told otherwise.
    private static double Of(double[] rising, double share)
    {
        if (share is not (>= 0 and <= 1)) throw new ArgumentOutOfRangeException(nameof(share), share, "a share is from 0 to 1");
        if (rising.Length == 0) return double.NaN;
        var place = share * (rising.Length - 1);
        var below = (int)place;
        return below + 1 < rising.Length ? rising[below] + (place - below) * (rising[below + 1] - rising[below]) : rising[below];
    }
}
