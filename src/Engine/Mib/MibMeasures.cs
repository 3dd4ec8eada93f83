namespace Faith.Engine.Mib;

/// <summary>What the circuits of one ranking gave.</summary>
/// <param name="Edges">Edges of each circuit after pruning.</param>
/// <param name="Faithfulness">f of each; NaN where the runs do not differ.</param>
/// <param name="Cpr">The area under f.</param>
/// <param name="Cmd">The area between f and 1.</param>
/// <param name="AccuracyArea">acc-AUC.</param>
/// <param name="Average">The mean of f.</param>
public sealed record MibMeasures(IReadOnlyList<double> Edges, IReadOnlyList<double> Faithfulness, double Cpr, double Cmd, double AccuracyArea, double Average)
{
    /// <summary>Those of a curve.</summary>
    public static MibMeasures Of(MibCurve curve)
    {
        ArgumentNullException.ThrowIfNull(curve);
        var (cpr, cmd) = curve.Areas;
        return new([.. curve.Edges.Select(n => (double)n)], curve.Faithfulness, cpr, cmd, curve.AccuracyArea, curve.Average);
    }
}
