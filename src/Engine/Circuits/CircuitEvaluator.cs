using Faith.Engine.Ablations;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Passes;

namespace Faith.Engine.Circuits;

/// <summary>Measures circuits: every edge outside a circuit carries the corrupted run's activations, or those of another ablation.</summary>
public static class CircuitEvaluator
{
    /// <summary>Evaluates circuits under patching.</summary>
    /// <param name="models">The model; of several devices each takes a part of the examples.</param>
    /// <param name="data">The examples.</param>
    /// <param name="circuits">Circuits of the model's graph.</param>
    /// <param name="metric">What is measured.</param>
    /// <param name="memoryBytes">Most bytes of device memory for micro-batches; null: on a CPU a quarter of what is free and at most 1.5 GB, on a GPU half and at most 16 GiB.</param>
    /// <param name="progress">Told after every circuit of every micro-batch.</param>
    /// <param name="cancellation">Stops between circuits.</param>
    /// <exception cref="InputException">A circuit is of another graph, or an example does not fit in memory or has a metric that is not finite.</exception>
    public static IReadOnlyList<Faithfulness> Evaluate(TransformerSet models, IReadOnlyList<Example> data, IReadOnlyList<Circuit> circuits, MetricKind metric,
        long? memoryBytes = null, IProgress<RunProgress>? progress = null, CancellationToken cancellation = default) =>
        Evaluate(models, data, circuits, new EvaluationOptions { Metric = metric, MemoryBytes = memoryBytes }, progress, cancellation);

    /// <summary>Evaluates circuits on a data set; all share one clean and one corrupted (or fully ablated) run an example.</summary>
    /// <param name="models">The model; of several devices each takes a part of the examples.</param>
    /// <param name="data">The examples.</param>
    /// <param name="circuits">Circuits of the model's graph.</param>
    /// <param name="options">What is measured, and under which ablation.</param>
    /// <param name="progress">Told after every circuit of every micro-batch.</param>
    /// <param name="cancellation">Stops between circuits.</param>
    /// <exception cref="InputException">A circuit is of another graph, an example does not fit in memory or has a metric that is not finite, or the ablation data do not match.</exception>
    public static IReadOnlyList<Faithfulness> Evaluate(TransformerSet models, IReadOnlyList<Example> data, IReadOnlyList<Circuit> circuits, EvaluationOptions options,
        IProgress<RunProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(models);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(circuits);
        ArgumentNullException.ThrowIfNull(options);
        if (data.Count == 0) throw new InputException("the data set is empty");
        if (models.Count == 1) return EvaluatePart(models.First, data, circuits, options, progress, cancellation);
        data = Counterfactuals.Apply(data, options.Ablation, options.AblationData);
        // Means are over all examples, on every device alike.
        options = options with { AblationData = options.Ablation == Ablation.Patching ? null : options.AblationData ?? data };
        var parts = models.Run(data, (model, part, report, stop) => EvaluatePart(model, part, circuits, options, report, stop), progress, cancellation);
        return [.. circuits.Select((_, i) => new Faithfulness(Concat(i, f => f.Circuit), Concat(i, f => f.Clean), Concat(i, f => f.Corrupted)) { Metric = options.Metric })];

        double[] Concat(int circuit, Func<Faithfulness, IEnumerable<double>> values) => [.. parts.SelectMany(p => values(p[circuit]))];
    }

    private static IReadOnlyList<Faithfulness> EvaluatePart(Transformer model, IReadOnlyList<Example> data, IReadOnlyList<Circuit> circuits, EvaluationOptions options,
        IProgress<RunProgress>? progress, CancellationToken cancellation)
    {
        foreach (var circuit in circuits)
        {
            if (circuit.Graph != model.Graph)
            {
                throw new InputException($"the circuit is of a model with {circuit.Graph.Layers} layers of {circuit.Graph.Heads} heads; this one has {model.Graph.Layers} of {model.Graph.Heads}");
            }
            if (circuit.Neurons is { } neurons && neurons.Width != model.Config.Width)
            {
                throw new InputException($"the circuit is of a model with {neurons.Width} neurons a node; this one has {model.Config.Width}");
            }
        }
        data = Counterfactuals.Apply(data, options.Ablation, options.AblationData);
        using var table = AblationTable.Create(model, options.Ablation, options.AblationData ?? data, options.MemoryBytes);
        var (clean, corrupted) = (new double[data.Count], new double[data.Count]);
        var results = circuits.Select(_ => new double[data.Count]).ToArray();
        var full = Enumerable.Range(0, circuits.Count).Where(i => circuits[i].IsFull).ToArray();
        var others = Enumerable.Range(0, circuits.Count).Except(full).ToArray();
        MicroBatches.Run(model, data, MicroBatches.Budget(model, options.MemoryBytes), sharePrefixes: table is null,
            batch => CircuitRun.Measure(model, batch, options.Metric, table, circuitsTogether: 1), part =>
            {
                var (together, _) = CircuitRun.Largest(model, part.Batch, options.Metric, table, others.Length, part.Arena.Capacity);
                var run = new CircuitRun(model, part.Arena, measuring: false, part.Batch, options.Metric, table, together);
                run.RunEnds(part.Of(clean), part.Of(corrupted));
                // With everything in the circuit nothing is corrupted: that is the clean run itself, to the bit.
                foreach (var i in full) part.Of(clean).CopyTo(part.Of(results[i]));
                run.Evaluate([.. others.Select(i => circuits[i])], (number, metrics) =>
                {
                    metrics.CopyTo(part.Of(results[others[number]]));
                    progress?.Report(new RunProgress(others.Length * part.First + (number + 1) * part.Count, others.Length * data.Count, "circuits"));
                }, cancellation);
            }, (batch, budget) => CircuitRun.Largest(model, batch, options.Metric, table, others.Length, budget).Bytes);
        foreach (var values in (double[][])[clean, corrupted, .. results]) FiniteMetric.Check(data, 0, values);
        return [.. results.Select(r => new Faithfulness(r, clean, corrupted) { Metric = options.Metric })];
    }
}
