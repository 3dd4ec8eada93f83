using Faith.Engine.Ablations;
using Faith.Engine.Attribution;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Passes;

namespace Faith.Engine.Circuits;

/// <summary>Measures circuits: every edge outside a circuit carries the corrupted run's activations, or those of another ablation.</summary>
public static class CircuitEvaluator
{
    /// <summary>Evaluates circuits under patching.</summary>
    /// <param name="model">The model.</param>
    /// <param name="data">The examples.</param>
    /// <param name="circuits">Circuits of the model's graph.</param>
    /// <param name="metric">What is measured.</param>
    /// <param name="memoryBytes">Most bytes of device memory for micro-batches; null: a quarter of what is free, at most 1.5 GB on a CPU and 4 GiB on a GPU.</param>
    /// <param name="progress">Told after every circuit of every micro-batch.</param>
    /// <param name="cancellation">Stops between circuits.</param>
    /// <exception cref="InputException">A circuit is of another graph, or an example does not fit in memory.</exception>
    public static IReadOnlyList<Faithfulness> Evaluate(Transformer model, IReadOnlyList<Example> data, IReadOnlyList<Circuit> circuits, MetricKind metric,
        long? memoryBytes = null, IProgress<RunProgress>? progress = null, CancellationToken cancellation = default) =>
        Evaluate(model, data, circuits, new EvaluationOptions { Metric = metric, MemoryBytes = memoryBytes }, progress, cancellation);

    /// <summary>Evaluates circuits on a data set; all share one clean and one corrupted (or fully ablated) run an example.</summary>
    /// <param name="model">The model.</param>
    /// <param name="data">The examples.</param>
    /// <param name="circuits">Circuits of the model's graph.</param>
    /// <param name="options">What is measured, and under which ablation.</param>
    /// <param name="progress">Told after every circuit of every micro-batch.</param>
    /// <param name="cancellation">Stops between circuits.</param>
    /// <exception cref="InputException">A circuit is of another graph, an example does not fit in memory, or the ablation data do not match.</exception>
    public static IReadOnlyList<Faithfulness> Evaluate(Transformer model, IReadOnlyList<Example> data, IReadOnlyList<Circuit> circuits, EvaluationOptions options,
        IProgress<RunProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(circuits);
        ArgumentNullException.ThrowIfNull(options);
        if (data.Count == 0) throw new InputException("the data set is empty");
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
        MicroBatches.Run(model, data, MicroBatches.Budget(model.Device, options.MemoryBytes), sharePrefixes: table is null,
            batch => CircuitRun.Measure(model, batch, options.Metric, table), part =>
            {
                var run = new CircuitRun(model, part.Arena, measuring: false, part.Batch, options.Metric, table);
                run.RunEnds(part.Of(clean), part.Of(corrupted));
                // With everything in the circuit nothing is corrupted: that is the clean run itself, to the bit.
                foreach (var i in full) part.Of(clean).CopyTo(part.Of(results[i]));
                run.Evaluate([.. others.Select(i => circuits[i])], (number, metrics) =>
                {
                    cancellation.ThrowIfCancellationRequested();
                    metrics.CopyTo(part.Of(results[others[number]]));
                    progress?.Report(new RunProgress(others.Length * part.First + (number + 1) * part.Count, others.Length * data.Count, "circuits"));
                });
            });
        return [.. results.Select(r => new Faithfulness(r, clean, corrupted))];
    }
}
