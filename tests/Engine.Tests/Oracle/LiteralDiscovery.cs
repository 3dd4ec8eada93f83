using Faith.Engine.Graphs;

namespace Faith.Engine.Tests.Oracle;

/// <summary>ACDC (Conmy et al. 2023, algorithm 1) written out, with rising thresholds that each go on from the circuit before.</summary>
public static class LiteralDiscovery
{
    /// <summary>The scores [F·N]: the threshold at which an edge went, and twice the largest for edges that stayed.</summary>
    public static double[] Scores(ModelGraph graph, IReadOnlyList<double> thresholds, Func<Circuit, double> lossOf)
    {
        var circuit = Circuit.Full(graph);
        var scores = new double[graph.Sources * graph.Columns];
        foreach (var edge in circuit.Edges) scores[edge] = 2 * thresholds[^1];
        var loss = lossOf(circuit);
        foreach (var threshold in thresholds)
        {
            foreach (var edge in circuit.Edges.OrderByDescending(e => e % graph.Columns).ThenByDescending(e => e / graph.Columns).ToArray())
            {
                var without = new Circuit(graph, circuit.Edges.Where(e => e != edge));
                var changed = lossOf(without);
                if (changed - loss >= threshold) continue;
                (circuit, loss, scores[edge]) = (without, changed, threshold);
            }
        }
        return scores;
    }
}
