using Faith.Engine.Circuits;
using Faith.Engine.Graphs;

namespace Faith.Engine.Mib;

/// <summary>The benchmark's own AUROC, which is not the usual one (<see cref="Auroc"/>).</summary>
public static class MibAuroc
{
    /// <summary>
    /// For each of the benchmark's fractions p the greedy circuit of ⌈p·n⌉ edges by |score|, pruned, against the reference; the trapezoid rule over the
    /// false-positive rate from the first of these points to the last, divided by the last rate. Nothing is added at (0, 0). NaN where no circuit
    /// has a wrong edge or the reference has none or all.
    /// </summary>
    /// <exception cref="InputException">The two are of different graphs, or a score is not a number.</exception>
    public static double Of(EdgeScores scores, Circuit reference)
    {
        ArgumentNullException.ThrowIfNull(scores);
        ArgumentNullException.ThrowIfNull(reference);
        if (scores.Graph != reference.Graph) throw new InputException("the scores and the reference are of different models");
        var (n, inside) = (scores.Graph.Edges, reference.EdgeCount);
        if (inside == 0 || inside == n) return double.NaN;
        var points = CurveAreas.MibFractions.Select(p =>
        {
            var found = CircuitSelection.Greedy(scores, (int)Math.Ceiling(p * n), signed: false);
            var right = found.Edges.Count(reference.Contains);
            return (Wrong: (double)(found.EdgeCount - right) / (n - inside), Right: (double)right / inside);
        }).ToArray();
        var area = points.Zip(points.Skip(1)).Sum(pair => (pair.Second.Wrong - pair.First.Wrong) * (pair.First.Right + pair.Second.Right) / 2);
        return points[^1].Wrong > 0 ? area / points[^1].Wrong : double.NaN;
    }
}
