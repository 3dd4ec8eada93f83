using Faith.Engine.Circuits;
using Faith.Engine.Metrics;
using Faith.Engine.Statistics;

namespace Faith.Engine.Sweeps;

/// <summary>The measures of the curve of a cell.</summary>
internal static class CellMeasures
{
    /// <summary>CPR, CMD and acc-AUC; null where the sizes are not those of the MIB benchmark, of all of whose fractions the areas are, or there is one example only.</summary>
    /// <param name="seed">Which resamples.</param>
    public static CurveMeasures? Of(CellRecord record, ulong seed)
    {
        var (curve, most) = (record.Curve, record.Curve[^1].Selected);
        if (record.Clean.Count < 2 || !curve.Select(p => p.Selected).SequenceEqual(CurveAreas.MibFractions.Select(f => CurveAreas.CountOf(most, f)))) return null;
        var (clean, corrupted, metric) = (record.Clean.ToArray(), record.Corrupted.ToArray(), MetricKinds.Parse(record.Run.Metric ?? "logit-diff"));
        return CurveMeasures.Of(CurveAreas.MibFractions, [.. curve.Select(p => new Faithfulness([.. p.PerExample], clean, corrupted) { Metric = metric })], new Bootstrap(clean.Length, CellRunner.Resamples, seed));
    }
}
