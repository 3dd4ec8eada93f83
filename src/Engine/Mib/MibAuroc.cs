using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Graphs;
using Faith.Engine.ScoreFiles;

namespace Faith.Engine.Mib;

/// <summary>The benchmark's own AUROC, which is not the usual one (<see cref="Auroc"/>), and the usual one beside it.</summary>
public static class MibAuroc
{
    /// <summary>
    /// For each of the benchmark's fractions p the circuit of ⌈p·n⌉ items by |score|, pruned, against the reference; the trapezoid rule over the
    /// false-positive rate from the first of these points to the last, divided by the last rate. Nothing is added at (0, 0). Edges are selected greedily;
    /// of nodes and neurons those that have a score are the items, and the reference has those that its edges touch and carry. NaN where no circuit has a wrong item, or
    /// the reference none or all.
    /// </summary>
    /// <param name="file">The scores.</param>
    /// <param name="path">Where they are, for messages.</param>
    /// <param name="reference">A circuit of the same graph.</param>
    /// <param name="level">What is compared.</param>
    /// <exception cref="InputException">The file has no scores at this level, or one that is not a number.</exception>
    public static (double Mib, double Usual) Of(ScoreFile file, string path, Circuit reference, ScoreLevel level)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(reference);
        var scores = MibScores.Of(file, path, level);
        var known = scores.In(reference);
        var (n, inside) = (known.Length, known.Count(isIn => isIn));
        if (inside == 0 || inside == n) return (double.NaN, double.NaN);
        var points = CurveAreas.MibFractions.Select(p =>
        {
            var count = (int)Math.Ceiling(p * n);
            var found = scores.In(level == ScoreLevel.Edge ? CircuitSelection.Greedy(file.Scores!, count, signed: false) : scores.Best(count, false));
            var right = found.Zip(known).Count(both => both is (true, true));
            return (Wrong: (double)(found.Count(isIn => isIn) - right) / (n - inside), Right: (double)right / inside);
        }).ToArray();
        var area = points.Zip(points.Skip(1)).Sum(pair => (pair.Second.Wrong - pair.First.Wrong) * (pair.First.Right + pair.Second.Right) / 2);
        return (points[^1].Wrong > 0 ? area / points[^1].Wrong : double.NaN, Auroc.Of(scores.Values, known));
    }
}
