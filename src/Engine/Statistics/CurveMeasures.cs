using Faith.Engine.Circuits;
using Faith.Engine.Metrics;

namespace Faith.Engine.Statistics;

/// <summary>The numbers that the MIB benchmark makes of a curve of circuits, with resamples of the examples: all circuits and both ends are resampled together.</summary>
/// <param name="Cpr">∫ f over the fraction of edges.</param>
/// <param name="Cmd">∫ |1 − f|.</param>
/// <param name="Accuracy">acc-AUC; defined for differences only, whose sign says whether the model does the task.</param>
public sealed record CurveMeasures(Resampled Cpr, Resampled Cmd, Resampled Accuracy)
{
    /// <summary>The measures of a curve.</summary>
    /// <param name="fractions">The fraction of edges of each circuit, ascending.</param>
    /// <param name="results">What each keeps.</param>
    /// <param name="bootstrap">The resamples.</param>
    public static CurveMeasures Of(IReadOnlyList<double> fractions, IReadOnlyList<Faithfulness> results, Bootstrap bootstrap)
    {
        ArgumentNullException.ThrowIfNull(results);
        ArgumentNullException.ThrowIfNull(bootstrap);
        double[][] right = [.. results.Select(r => Array.ConvertAll(r.Circuit, value => !r.Metric.IsDifference() ? double.NaN : value > 0 ? 1.0 : 0.0))];
        double[][] kept = [.. results.Select(bootstrap.Normalised)], shares = [.. right.Select(bootstrap.Means)];
        var whole = CurveAreas.Under(fractions, [.. results.Select(r => r.Normalised)]);
        CurveAreas[] areas = [.. Enumerable.Range(0, bootstrap.Count).Select(r => CurveAreas.Under(fractions, Array.ConvertAll(kept, f => f[r])))];
        return new(new(whole.Cpr, Array.ConvertAll(areas, a => a.Cpr)), new(whole.Cmd, Array.ConvertAll(areas, a => a.Cmd)),
            new(CurveAreas.AccuracyOf(fractions, [.. right.Select(r => r.Average())]), [.. Enumerable.Range(0, bootstrap.Count).Select(r => CurveAreas.AccuracyOf(fractions, Array.ConvertAll(shares, s => s[r])))]));
    }
}
