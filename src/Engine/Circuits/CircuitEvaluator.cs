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
        if (circuits.FirstOrDefault(circuit => circuit.Graph != models.Graph) is { } other) throw OfAnotherModel(other.Graph, models.Graph);
        if (circuits.Select(circuit => circuit.Neurons).FirstOrDefault(neurons => neurons is not null && neurons.Width != models.Config.Width) is { } set)
        {
            throw new InputException($"the circuit is of a model with {set.Width} neurons a node; this one has {models.Config.Width}");
        }
        return Evaluate(models, data, new Work(circuits.Count, i => circuits[i].IsFull, 0, (run, numbers, done, stop) => run.Evaluate([.. numbers.Select(i => circuits[i])], done, stop)), options, progress, cancellation);
    }

    /// <summary>Evaluates circuits over spans, which the examples have (or of which they have as many tokens as there are spans of single tokens).</summary>
    /// <param name="models">The model; of several devices each takes a part of the examples.</param>
    /// <param name="data">The examples.</param>
    /// <param name="circuits">Circuits of one graph over spans.</param>
    /// <param name="options">What is measured, and under which ablation.</param>
    /// <param name="progress">Told after every circuit of every micro-batch.</param>
    /// <param name="cancellation">Stops between circuits.</param>
    /// <exception cref="InputException">As for other circuits, or the examples have other spans.</exception>
    public static IReadOnlyList<Faithfulness> Evaluate(TransformerSet models, IReadOnlyList<Example> data, IReadOnlyList<SpanCircuit> circuits, EvaluationOptions options,
        IProgress<RunProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(models);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(circuits);
        ArgumentNullException.ThrowIfNull(options);
        if (circuits.Count == 0) return [];
        var graph = circuits[0].Graph;
        if (circuits.FirstOrDefault(circuit => !circuit.Graph.Matches(graph)) is not null) throw new ArgumentException("the circuits are of several graphs", nameof(circuits));
        if (graph.Model != models.Graph) throw OfAnotherModel(graph.Model, models.Graph);
        (_, data) = Positions.Apply(data, PositionKinds.Of(graph.Spans), graph.Spans);
        return Evaluate(models, data, new Work(circuits.Count, i => circuits[i].IsFull, graph.Spans.Count, (run, numbers, done, stop) => run.Evaluate([.. numbers.Select(i => circuits[i])], done, stop)), options, progress, cancellation);
    }

    private static IReadOnlyList<Faithfulness> Evaluate(TransformerSet models, IReadOnlyList<Example> data, Work work, EvaluationOptions options, IProgress<RunProgress>? progress, CancellationToken cancellation)
    {
        if (data.Count == 0) throw new InputException("the data set is empty");
        if (models.Count == 1) return EvaluatePart(models.First, data, work, options, progress, cancellation);
        data = Counterfactuals.Apply(data, options.Ablation, options.AblationData);
        // Means are over all examples, on every device alike.
        options = options with { AblationData = options.Ablation == Ablation.Patching ? null : options.AblationData ?? data };
        var parts = models.Run(data, (model, part, report, stop) => EvaluatePart(model, part, work, options, report, stop), progress, cancellation);
        return [.. Enumerable.Range(0, work.Circuits).Select(i => new Faithfulness(Concat(i, f => f.Circuit), Concat(i, f => f.Clean), Concat(i, f => f.Corrupted)) { Metric = options.Metric })];

        double[] Concat(int circuit, Func<Faithfulness, IEnumerable<double>> values) => [.. parts.SelectMany(p => values(p[circuit]))];
    }

    private static IReadOnlyList<Faithfulness> EvaluatePart(Transformer model, IReadOnlyList<Example> data, Work work, EvaluationOptions options, IProgress<RunProgress>? progress, CancellationToken cancellation)
    {
        data = Counterfactuals.Apply(data, options.Ablation, options.AblationData);
        using var table = AblationTable.Create(model, options.Ablation, options.AblationData ?? data, options.MemoryBytes);
        var (clean, corrupted) = (new double[data.Count], new double[data.Count]);
        var results = Enumerable.Range(0, work.Circuits).Select(_ => new double[data.Count]).ToArray();
        var full = Enumerable.Range(0, work.Circuits).Where(work.IsFull).ToArray();
        var others = Enumerable.Range(0, work.Circuits).Except(full).ToArray();
        MicroBatches.Run(model, data, MicroBatches.Budget(model, options.MemoryBytes), sharePrefixes: table is null,
            batch => CircuitRun.Measure(model, batch, options.Metric, table, circuitsTogether: 1, work.Spans), part =>
            {
                var (together, _) = CircuitRun.Largest(model, part.Batch, options.Metric, table, others.Length, part.Arena.Capacity, work.Spans);
                var run = new CircuitRun(model, part.Arena, measuring: false, part.Batch, options.Metric, table, together, work.Spans);
                run.RunEnds(part.Of(clean), part.Of(corrupted));
                // With everything in the circuit nothing is corrupted: that is the clean run itself, to the bit.
                foreach (var i in full) part.Of(clean).CopyTo(part.Of(results[i]));
                work.Evaluate(run, others, (number, metrics) =>
                {
                    metrics.CopyTo(part.Of(results[others[number]]));
                    progress?.Report(new RunProgress(others.Length * part.First + (number + 1) * part.Count, others.Length * data.Count, "circuits"));
                }, cancellation);
            }, (batch, budget) => CircuitRun.Largest(model, batch, options.Metric, table, others.Length, budget, work.Spans).Bytes);
        foreach (var values in (double[][])[clean, corrupted, .. results]) FiniteMetric.Check(data, 0, values);
        return [.. results.Select(r => new Faithfulness(r, clean, corrupted) { Metric = options.Metric })];
    }

    private static InputException OfAnotherModel(ModelGraph circuit, ModelGraph model) =>
        new($"the circuit is of a model with {circuit.Layers} layers of {circuit.Heads} heads; this one has {model.Layers} of {model.Heads}");

    /// <summary>Circuits of either kind.</summary>
    /// <param name="Circuits">How many.</param>
    /// <param name="IsFull">Which of them leave nothing out.</param>
    /// <param name="Spans">Over how many spans; 0 for ordinary ones.</param>
    /// <param name="Evaluate">Hands on the metric of those of some numbers, by their place among these.</param>
    private sealed record Work(int Circuits, Func<int, bool> IsFull, int Spans, Action<CircuitRun, int[], Action<int, double[]>, CancellationToken> Evaluate);
}
