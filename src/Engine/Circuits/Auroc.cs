using Faith.Engine.Graphs;

namespace Faith.Engine.Circuits;

/// <summary>How well scores tell the edges of a known circuit from the others.</summary>
public static class Auroc
{
    /// <summary>
    /// The area under the receiver operating characteristic of |score|: the probability that an edge of the circuit scores higher
    /// than one outside, equal scores counting half (Mann–Whitney U, from mean ranks). 1 is perfect, ½ is chance; NaN where the
    /// circuit is empty or full.
    /// </summary>
    /// <exception cref="InputException">The two are of different graphs, or a score is not a number.</exception>
    public static double Of(EdgeScores scores, Circuit known)
    {
        ArgumentNullException.ThrowIfNull(scores);
        ArgumentNullException.ThrowIfNull(known);
        if (scores.Graph != known.Graph) throw new InputException("the scores and the known circuit are of different models");
        EdgeId[] edges = [.. scores.Graph.AllEdges];
        return Of(Array.ConvertAll(edges, e => scores[e]), Array.ConvertAll(edges, known.Contains));
    }

    /// <summary>The same of anything: scores, and which of what they are of is known to belong.</summary>
    /// <exception cref="InputException">A score is not a number.</exception>
    internal static double Of(double[] scores, bool[] known)
    {
        var values = Array.ConvertAll(scores, Math.Abs);
        if (values.Any(double.IsNaN)) throw new InputException("a score is not a number: the edges cannot be ranked");
        var ranks = RankCorrelation.Ranks(values);
        double inside = known.Count(isIn => isIn), outside = known.Length - inside;
        var sum = 0.0;
        for (var i = 0; i < values.Length; i++)
        {
            if (known[i]) sum += ranks[i];
        }
        return inside == 0 || outside == 0 ? double.NaN : (sum - inside * (inside + 1) / 2) / (inside * outside);
    }
}
