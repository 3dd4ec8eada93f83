using Faith.Engine.Graphs;

namespace Faith.Engine.Circuits;

/// <summary>What edges, nodes and neurons are ranked by: |score| or the score, as an integer that orders like the number.</summary>
internal static class RankingKeys
{
    /// <summary>The key of a score: larger key, better edge.</summary>
    /// <exception cref="InputException">The score is not a number.</exception>
    public static ulong Of(EdgeScores scores, EdgeId edge, bool signed) =>
        Of(scores[edge], signed, () => scores.Graph.EdgeName(edge));

    /// <summary>The same of the score of anything else; <paramref name="name"/> says of what.</summary>
    /// <exception cref="InputException">The score is not a number.</exception>
    public static ulong Of(double score, bool signed, Func<string> name) => double.IsNaN(score)
        ? throw new InputException($"the score of {name()} is not a number: no circuit can be selected")
        : Ordered(signed ? score : Math.Abs(score));

    /// <summary>The least key that a threshold lets in.</summary>
    /// <exception cref="InputException">The threshold is not a number.</exception>
    public static ulong OfThreshold(double threshold) =>
        double.IsNaN(threshold) ? throw new InputException("the threshold is not a number") : Ordered(threshold);

    /// <summary>An integer that orders like a number; the two zeros are one.</summary>
    public static ulong Ordered(double value)
    {
        var bits = BitConverter.DoubleToUInt64Bits(value + 0.0);
        return (bits >> 63) == 0 ? bits | (1UL << 63) : ~bits;
    }

    /// <summary>Throws unless the graph has that many edges.</summary>
    public static void CheckCount(ModelGraph graph, int edges)
    {
        if (edges < 0) throw new InputException($"a circuit of {edges} edges was asked for; give a number from 0 to {graph.Edges}");
        if (edges > graph.Edges) throw new InputException($"a circuit of {edges} edges was asked for, but the graph has {graph.Edges}");
    }
}
