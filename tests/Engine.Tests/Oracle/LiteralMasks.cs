using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Models;

namespace Faith.Engine.Tests.Oracle;

/// <summary>Runs with a mask on every edge in float64, by the definition of method.md §10, and the training of masks.</summary>
public static class LiteralMasks
{
    /// <summary>
    /// The logit difference of an example and the gradients of the loss by the masks [F·N]. What v sees u put out is z_u(corrupted) + m_uv·(z_u − z_u(corrupted)), and x_v is put together
    /// from that as the model puts its stream together: where heads are normed together, every column norms its own.
    /// </summary>
    public static (double Metric, double[] Gradient) Run(ModelWeights weights, Example example, double[] masks)
    {
        var model = new LiteralModel(weights);
        var graph = model.Graph;
        var corrupted = model.Run(example.Corrupted).Outputs;
        var seen = new Value[graph.Pairs];
        var run = model.Run(example.Clean, input: (tape, column, _, outputs) => model.Stream(tape, column, u =>
            seen[u * graph.Columns + column] = tape.Add(corrupted[u], tape.Scale(tape.Add(outputs[u], tape.Scale(corrupted[u], -1)), masks[u * graph.Columns + column]))));
        run.Tape.Backward(LiteralMetric.Loss(OracleMetric.LogitDiff, run, example, run.LastLogits));
        var gradient = new double[graph.Pairs];
        foreach (var edge in graph.AllEdges)
        {
            var u = graph.SourceOf(edge).Index;
            gradient[edge] = run.Outputs[u].Data.Select((z, i) => (z - corrupted[u].Data[i]) * seen[edge].Gradient[i]).Sum();
        }
        return (LiteralMetric.Evaluate(OracleMetric.LogitDiff, run.LastLogits, example, run.LastLogits), gradient);
    }

    /// <summary>The edge scores [F·N] of mattr where all examples go into every step.</summary>
    public static double[] Matryoshka(ModelWeights weights, IReadOnlyList<Example> examples, int steps, double rate, int seed)
    {
        var graph = new LiteralModel(weights).Graph;
        int[] edges = [.. graph.AllEdges.Select(e => e.Index)];
        double[] scores = new double[edges.Length], means = new double[edges.Length], squares = new double[edges.Length];
        var random = new Random64((ulong)seed + 1);
        for (var step = 1; step <= steps; step++)
        {
            var budget = Math.Min(Math.Pow(edges.Length, random.Unit()), edges.Length - 0.5);
            double[] At(double tau) => [.. scores.Select(a => 1 / (1 + Math.Exp(tau - a)))];
            var (low, high) = (-100.0, 100.0);
            for (var i = 0; i < 100; i++) (low, high) = At((low + high) / 2).Sum() > budget ? ((low + high) / 2, high) : (low, (low + high) / 2);
            var open = At(low);
            var masks = new double[graph.Pairs];
            for (var i = 0; i < edges.Length; i++) masks[edges[i]] = open[i];
            var gradients = examples.Select(e => Run(weights, e, masks).Gradient).ToArray();
            // By the chain rule with dτ/da_j = m_j(1 − m_j)/Σ m(1 − m), which keeps the sum of the masks.
            double[] slopes = [.. open.Select(m => m * (1 - m))], byMask = [.. edges.Select(e => gradients.Average(g => g[e]))];
            var total = byMask.Zip(slopes, (g, s) => g * s).Sum();
            for (var j = 0; j < edges.Length; j++)
            {
                var g = byMask[j] * slopes[j] - total * slopes[j] / slopes.Sum();
                means[j] = 0.9 * means[j] + 0.1 * g;
                squares[j] = 0.999 * squares[j] + 0.001 * g * g;
                scores[j] -= rate * means[j] / (1 - Math.Pow(0.9, step)) / (Math.Sqrt(squares[j] / (1 - Math.Pow(0.999, step))) + 1e-8);
            }
        }
        var result = new double[graph.Pairs];
        for (var i = 0; i < edges.Length; i++) result[edges[i]] = scores[i] - scores.Min();
        return result;
    }

    /// <summary>The edge scores [F·N] of edge-pruning where all examples go into every step; <paramref name="kept"/> is the share of edges to which it prunes.</summary>
    public static double[] EdgePruning(ModelWeights weights, IReadOnlyList<Example> examples, int steps, double rate, int seed, double kept)
    {
        var graph = new LiteralModel(weights).Graph;
        int[] edges = [.. graph.AllEdges.Select(e => e.Index)];
        double[] scores = [.. edges.Select(_ => 2.0)], means = new double[edges.Length], squares = new double[edges.Length], sums = new double[edges.Length];
        var random = new Random64((ulong)seed + 1);
        double n = edges.Length, linear = 0, square = 0;
        double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));
        for (var step = 1; step <= steps; step++)
        {
            for (var i = 0; i < edges.Length; i++) sums[i] += scores[i] = Math.Clamp(scores[i], Math.Log(0.01), Math.Log(100));
            var noise = edges.Select(_ => random.Unit()).Select(u => Math.Log(u / (1 - u))).ToArray();
            double Stretched(int i, double score) => 1.2 * Sigmoid(1.5 * (noise[i] + score)) - 0.1;
            double Chance(double score) => Sigmoid(score - 2.0 / 3 * Math.Log(0.1 / 1.1));
            var masks = new double[graph.Pairs];
            for (var i = 0; i < edges.Length; i++) masks[edges[i]] = Math.Clamp(Stretched(i, scores[i]), 0, 1);
            var gradients = examples.Select(e => Run(weights, e, masks).Gradient).ToArray();
            // From all down to what is to be kept, by the same factor in every step.
            var missing = 1 - Math.Exp(Math.Log(kept) * Math.Min(1, step * 6.0 / (5 * steps))) - (1 - scores.Average(Chance));
            var moved = new double[edges.Length];
            for (var j = 0; j < edges.Length; j++)
            {
                const double Small = 1e-5;
                // The derivatives of gate and chance as slopes of their curves.
                double Slope(Func<double, double> f) => (f(scores[j] + Small) - f(scores[j] - Small)) / (2 * Small);
                var g = gradients.Average(x => x[edges[j]]) * Slope(a => Math.Clamp(Stretched(j, a), 0, 1)) + (linear + 2 * square * missing) * Slope(Chance) / n;
                means[j] = 0.9 * means[j] + 0.1 * g;
                squares[j] = 0.999 * squares[j] + 0.001 * g * g;
                moved[j] = scores[j] - rate * means[j] / (1 - Math.Pow(0.9, step)) / (Math.Sqrt(squares[j] / (1 - Math.Pow(0.999, step))) + 1e-8);
            }
            scores = moved;
            (linear, square) = (linear + rate * n * missing, square + rate * n * missing * missing);
        }
        var result = new double[graph.Pairs];
        for (var i = 0; i < edges.Length; i++) result[edges[i]] = (sums[i] - sums.Min()) / steps;
        return result;
    }
}
