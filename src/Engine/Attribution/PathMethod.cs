using System.Diagnostics;
using Faith.Engine.Ablations;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Passes;

namespace Faith.Engine.Attribution;

/// <summary>
/// Methods that weigh gradients at points of the path from the corrupted to the clean input: EAP (the clean end only),
/// clean-corrupted (both ends), EAP-IG (an integration rule), and of other sources' paths: EAP-IG (activations). They differ in
/// their points only.
/// </summary>
/// <param name="points">The points.</param>
/// <param name="rule">The rule that they follow, for a method with steps.</param>
internal sealed class PathMethod(string name, string summary, Func<AttributionOptions, ModelGraph, PathPoint[]> points, Func<AttributionOptions, IntegrationRule>? rule = null) : AttributionMethod
{
    public override string Name => name;
    public override string Summary => summary;
    public override IntegrationRule? Rule(AttributionOptions options) => rule?.Invoke(options);
    public override IReadOnlyList<PathPoint> Path(AttributionOptions options, ModelGraph graph) => points(options, graph);

    public override AttributionResult Run(Transformer model, IReadOnlyList<Example> data, AttributionOptions options,
        IProgress<RunProgress>? progress, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        var path = points(options, model.Graph);
        using var table = AblationTable.Create(model, options.Ablation, options.AblationData ?? data, options.MemoryBytes);
        var batches = MicroBatches.Plan(data, MicroBatches.Budget(model.Device, options.MemoryBytes), sharePrefixes: table is null,
            batch => PathRun.Measure(model, batch, path, options, table));
        var sums = new ScoreSums(model.Graph, data.Count, options.Sink);
        var neurons = options.Level == ScoreLevel.Neuron ? new NeuronSums(model.Graph, model.Config.Width, data.Count) : null;
        var (clean, corrupted) = (new double[data.Count], new double[data.Count]);
        var phases = new PhaseClock(model.Device);
        var memory = model.Workspace(batches.Max(b => b.Bytes));
        var scores = new float[model.Graph.Sources * model.Graph.Columns];
        var done = 0;
        foreach (var (batch, _) in batches)
        {
            cancellation.ThrowIfCancellationRequested();
            progress?.Report(new RunProgress(done, data.Count, Name));
            var run = new PathRun(model, new Arena(memory), measuring: false, batch, path, options, table);
            run.Execute(phases, cancellation);
            run.ReadMetric(1, clean.AsSpan(done, batch.Sequences));
            run.ReadMetric(0, corrupted.AsSpan(done, batch.Sequences));
            for (var e = 0; e < batch.Sequences; e++)
            {
                run.ReadScores(e, scores);
                sums.Add(scores);
            }
            if (neurons is not null) run.ReadNeurons(neurons);
            phases.Lap("sum");
            done += batch.Sequences;
        }
        progress?.Report(new RunProgress(done, data.Count, Name));
        var means = sums.Means();
        var isOnePath = path.All(p => p.Stage == 0);
        return new AttributionResult
        {
            Scores = means,
            Sums = sums,
            Neurons = neurons,
            NodeScores = options.Level == ScoreLevel.Edge ? null : NodeScores(means),
            NeuronScores = neurons?.Means(),
            StandardErrors = sums.StandardErrors(),
            Clean = clean,
            Corrupted = corrupted,
            InputScores = sums.InputScores(),
            CompletenessGap = isOnePath ? Gap(sums.InputScores(), clean, corrupted, options.Metric) : null,
            ExampleGaps = isOnePath ? [.. sums.InputScores().Select((score, e) => Gap([score], [clean[e]], [corrupted[e]], options.Metric) ?? double.NaN)] : null,
            Seconds = clock.Elapsed.TotalSeconds,
            Phases = phases.Seconds,
            WorkspaceBytes = batches.Max(b => b.Bytes),
        };
    }

    /// <summary>∂L/∂z_u = Σ_v ∂L/∂x_v over what reads u, by the chain rule: a node scores the sum of its out-edges.</summary>
    internal static double[] NodeScores(EdgeScores edges) =>
        [.. edges.Values.Chunk(edges.Graph.Columns).Select(outEdges => outEdges.Sum())];

    /// <summary>The completeness gap (<see cref="AttributionResult.CompletenessGap"/>).</summary>
    internal static double? Gap(double[] inputScores, double[] clean, double[] corrupted, MetricKind metric)
    {
        var target = corrupted.Average(v => metric.Loss(v)) - clean.Average(v => metric.Loss(v));
        return target == 0 ? null : Math.Abs(inputScores.Average() - target) / Math.Abs(target);
    }
}
