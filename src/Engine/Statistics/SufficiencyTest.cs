using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Passes;

namespace Faith.Engine.Statistics;

/// <summary>Whether a circuit keeps more than random circuits with as many edges do, as the test of sufficiency of Shi et al. (2024, arXiv 2410.13032) asks.</summary>
/// <param name="Faithfulness">The normalised faithfulness of the circuit.</param>
/// <param name="Random">That of random circuits of <see cref="RandomCircuits"/>.</param>
public sealed record SufficiencyTest(double Faithfulness, IReadOnlyList<double> Random)
{
    /// <summary>The share of random circuits that keep less, those that keep as much counting half.</summary>
    public double Percentile => Random.Average(r => r < Faithfulness ? 1 : r == Faithfulness ? 0.5 : 0);

    /// <summary>
    /// The chance that a random circuit keeps as much or more, (1 + those that do) / (1 + all): with the circuit itself among them, so that it is never 0
    /// (Phipson and Smyth 2010).
    /// </summary>
    public double P => (1.0 + Random.Count(r => r >= Faithfulness)) / (1 + Random.Count);

    /// <summary>Draws and measures the random circuits.</summary>
    /// <param name="models">The model.</param>
    /// <param name="data">The examples.</param>
    /// <param name="circuit">The circuit.</param>
    /// <param name="faithfulness">What it keeps, measured with the same options.</param>
    /// <param name="options">How circuits are measured.</param>
    /// <param name="count">How many random circuits.</param>
    /// <param name="seed">Equal seeds draw equal circuits.</param>
    /// <param name="progress">Told after every circuit of every micro-batch.</param>
    /// <param name="cancellation">Stops between circuits.</param>
    /// <exception cref="InputException">The circuit is of another graph.</exception>
    public static SufficiencyTest Run(TransformerSet models, IReadOnlyList<Example> data, Circuit circuit, double faithfulness, EvaluationOptions options, int count, ulong seed,
        IProgress<RunProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(circuit);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        Circuit[] drawn = [.. Enumerable.Range(0, count).Select(i => RandomCircuits.Sample(circuit.Graph, circuit.EdgeCount, seed + (ulong)i))];
        return new(faithfulness, [.. CircuitEvaluator.Evaluate(models, data, drawn, options, progress, cancellation).Select(r => r.Normalised)]);
    }
}
