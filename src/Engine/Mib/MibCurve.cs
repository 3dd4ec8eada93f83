using Faith.Engine.Circuits;

namespace Faith.Engine.Mib;

/// <summary>The benchmark's measure of one ranking: circuits of ten sizes and what they keep.</summary>
/// <param name="Edges">Edges of each circuit after pruning.</param>
/// <param name="Results">What each keeps.</param>
public sealed record MibCurve(IReadOnlyList<int> Edges, IReadOnlyList<Faithfulness> Results)
{
    /// <summary>f = (m(C) − m(∅)) / (m(N) − m(∅)) of the means, whatever its sign; NaN where the runs do not differ.</summary>
    public IReadOnlyList<double> Faithfulness { get; } = [.. Results.Select(r => (r.CircuitMean - r.CorruptedMean) / (r.CleanMean - r.CorruptedMean))];

    /// <summary>CPR and CMD over the fraction itself.</summary>
    public CurveAreas Areas => CurveAreas.Under(CurveAreas.MibFractions, Faithfulness);

    /// <summary>The mean of f over the sizes.</summary>
    public double Average => Faithfulness.Average();

    /// <summary>acc-AUC: the area under the share of examples whose metric is above 0.</summary>
    public double AccuracyArea => CurveAreas.AccuracyOf(CurveAreas.MibFractions, [.. Results.Select(r => r.Circuit.Average(value => value > 0 ? 1.0 : 0.0))]);
}
