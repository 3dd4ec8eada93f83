using System.Diagnostics;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Passes;

namespace Faith.Engine.Attribution;

/// <summary>
/// Methods that weigh gradients at points of the path from the corrupted to the clean input: EAP (the clean end only),
/// clean-corrupted (both ends), EAP-IG (an integration rule). They differ in their points only.
/// </summary>
internal sealed class PathMethod(string name, string summary, Func<AttributionOptions, PathPoint[]> points, bool usesSteps = false) : AttributionMethod
{
    public override string Name => name;
    public override string Summary => summary;
    public override bool UsesSteps => usesSteps;
    public override IReadOnlyList<PathPoint> Path(AttributionOptions options) => points(options);

    public override AttributionResult Run(Transformer model, IReadOnlyList<Example> data, AttributionOptions options,
        IProgress<RunProgress>? progress, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        var path = points(options);
        var batches = MicroBatches.Plan(data, MicroBatches.Budget(model.Device, options.MemoryBytes), sharePrefixes: true,
            batch => PathRun.Measure(model, batch, path, options.Metric));
        var sums = new ScoreSums(model.Graph, data.Count);
        var (clean, corrupted) = (new double[data.Count], new double[data.Count]);
        var phases = new PhaseClock(model.Device);
        var memory = model.Workspace(batches.Max(b => b.Bytes));
        var scores = new float[batches.Max(b => b.Batch.Sequences) * model.Graph.Sources * model.Graph.Columns];
        var done = 0;
        foreach (var (batch, _) in batches)
        {
            cancellation.ThrowIfCancellationRequested();
            progress?.Report(new RunProgress(done, data.Count, Name));
            var run = new PathRun(model, new Arena(memory), measuring: false, batch, path, options.Metric);
            run.Execute(phases, cancellation);
            run.ReadMetric(1, clean.AsSpan(done, batch.Sequences));
            run.ReadMetric(0, corrupted.AsSpan(done, batch.Sequences));
            run.ReadScores(scores);
            sums.Add(scores, batch.Sequences);
            phases.Lap("sum");
            done += batch.Sequences;
        }
        progress?.Report(new RunProgress(done, data.Count, Name));
        return new AttributionResult
        {
            Scores = sums.Means(),
            StandardErrors = sums.StandardErrors(),
            Clean = clean,
            Corrupted = corrupted,
            InputScores = sums.InputScores(),
            CompletenessGap = Gap(sums.InputScores(), clean, corrupted, options.Metric),
            Seconds = clock.Elapsed.TotalSeconds,
            Phases = phases.Seconds,
            WorkspaceBytes = batches.Max(b => b.Bytes),
        };
    }

    private static double? Gap(double[] inputScores, double[] clean, double[] corrupted, MetricKind metric)
    {
        var target = corrupted.Average(v => metric.Loss(v)) - clean.Average(v => metric.Loss(v));
        return target == 0 ? null : Math.Abs(inputScores.Average() - target) / Math.Abs(target);
    }
}
