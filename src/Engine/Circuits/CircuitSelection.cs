using Faith.Engine.Graphs;

namespace Faith.Engine.Circuits;

/// <summary>
/// Circuits out of scores. Edges are ranked by |score|, or by the score itself when signed; ties go to the lower edge index, so
/// that equal scores give the same circuit everywhere. Afterwards the circuit is pruned unless told otherwise, and may then have
/// fewer edges than were asked for.
/// </summary>
public static class CircuitSelection
{
    /// <summary>The <paramref name="edges"/> best edges of all.</summary>
    /// <exception cref="InputException">The graph has fewer edges, or a score is not a number.</exception>
    public static Circuit Top(EdgeScores scores, int edges, bool signed, bool prune = true) =>
        Finish(TopSelection.Select(scores, edges, signed), prune);

    /// <summary>
    /// Grown from logits: again and again the best edge into a node of the circuit, until it has <paramref name="edges"/> edges
    /// (Hanna et al. 2024, §3).
    /// </summary>
    /// <exception cref="InputException">The graph has fewer edges, or a score is not a number.</exception>
    public static Circuit Greedy(EdgeScores scores, int edges, bool signed, bool prune = true) =>
        Finish(GreedySelection.Select(scores, edges, signed), prune);

    /// <summary>Every edge with a |score| (or score) of <paramref name="threshold"/> or more.</summary>
    /// <exception cref="InputException">The threshold or a score is not a number.</exception>
    public static Circuit Threshold(EdgeScores scores, double threshold, bool signed, bool prune = true) =>
        Finish(ThresholdSelection.Select(scores, threshold, signed), prune);

    /// <summary>Every edge between the <paramref name="nodes"/> heads and MLPs of the best node scores [F], input and logits.</summary>
    /// <exception cref="InputException">The graph has fewer nodes, or a score is not a number.</exception>
    public static Circuit TopNodes(ModelGraph graph, IReadOnlyList<double> scores, int nodes, bool signed, bool prune = true)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(scores);
        return Finish(NodeSelection.Select(graph, scores, nodes, signed), prune);
    }

    /// <summary>Every edge between the heads and MLPs whose node score [F] is <paramref name="threshold"/> or more, input and logits.</summary>
    /// <exception cref="InputException">The threshold or a score is not a number.</exception>
    public static Circuit ThresholdNodes(ModelGraph graph, IReadOnlyList<double> scores, double threshold, bool signed, bool prune = true)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(scores);
        return Finish(NodeSelection.AtLeast(graph, scores, threshold, signed), prune);
    }

    /// <summary>
    /// The <paramref name="neurons"/> neurons of the best scores [F·d], and every edge between nodes that have some of them. The
    /// input has no privilege here: without neurons of it the circuit is empty.
    /// </summary>
    /// <exception cref="InputException">The graph has fewer neurons, or a score is not a number.</exception>
    public static Circuit TopNeurons(ModelGraph graph, IReadOnlyList<double> scores, int neurons, bool signed, bool prune = true)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(scores);
        return Finish(NeuronSelection.Select(graph, scores, neurons, signed), prune);
    }

    /// <summary>The neurons whose score [F·d] is <paramref name="threshold"/> or more, and every edge between nodes that have some of them.</summary>
    /// <exception cref="InputException">The threshold or a score is not a number.</exception>
    public static Circuit ThresholdNeurons(ModelGraph graph, IReadOnlyList<double> scores, double threshold, bool signed, bool prune = true)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(scores);
        return Finish(NeuronSelection.AtLeast(graph, scores, threshold, signed), prune);
    }

    private static Circuit Finish(Circuit circuit, bool prune) => prune ? Pruning.Prune(circuit) : circuit;
}
