using System.Diagnostics;
using Faith.Engine.Ablations;
using Faith.Engine.Compatibility;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Passes;

namespace Faith.Engine.Attribution;

/// <summary>
/// A method that weighs gradients at points of the path from the corrupted to the clean input, or of the paths of one source layer's
/// outputs at a time. Such methods differ in their points and in their rule for gradients only.
/// </summary>
internal abstract class PathMethod : AttributionMethod
{
    public abstract override PathPoint[] Path(AttributionOptions options, ModelGraph graph);

    /// <summary>How gradients go back through what is not linear.</summary>
    public virtual GradientRule Gradient => GradientRule.Derivative;

    /// <summary>True to score edges into queries and keys by <see cref="RecomputedAttention"/>; the path is then the clean run.</summary>
    public virtual bool RecomputesAttention => false;

    public override AttributionResult Run(Transformer model, IReadOnlyList<Example> data, AttributionOptions options,
        IProgress<RunProgress>? progress, CancellationToken cancellation) => Run(model, data, options, Path(options, model.Graph), null, progress, cancellation);

    /// <summary>
    /// Runs some points of the method's path, and adds to the edges' scores what the others gave by <paramref name="earlier"/>; null where
    /// these are all. The scores of neurons are those of the points that were run.
    /// </summary>
    public AttributionResult Run(Transformer model, IReadOnlyList<Example> data, AttributionOptions options, PathPoint[] path, EarlierScores? earlier,
        IProgress<RunProgress>? progress, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        var (start, examples) = ExamplePart.PlaceOf(data);
        var (table, shift) = Tables(model, data, options, path);
        using var tableMemory = table;
        using var shiftMemory = shift;
        var sums = new ScoreSums(model.Graph, data.Count, options.Sink);
        var neurons = options.Level == ScoreLevel.Neuron ? new NeuronSums(model.Graph, model.Config.Width, data.Count) : null;
        var isDropping = path.Any(p => p.Dropped is not null);
        var nodes = isDropping && options.Level != ScoreLevel.Edge ? new NeuronSums(model.Graph, 1, data.Count) : null;
        var (clean, corrupted) = (new double[data.Count], new double[data.Count]);
        using var phases = new PhaseClock(model.Device, options.SplitPhases);
        var scores = new float[model.Graph.Pairs];
        var bytes = MicroBatches.Run(model, data, MicroBatches.Budget(model, options.MemoryBytes), sharePrefixes: table is null,
            batch => PathRun.Measure(model, batch, path, this, options, table, shift), part =>
            {
                cancellation.ThrowIfCancellationRequested();
                progress?.Report(new RunProgress(part.First, data.Count, Name));
                var run = new PathRun(model, part.Arena, measuring: false, part.Batch, path, this, options, table, shift);
                var dropped = isDropping ? new DroppedScores(model, options.Level, part.Count) : null;
                run.Execute(phases, cancellation, layer => dropped!.Take(run, layer));
                run.RecomputeAttention(phases, cancellation);
                part.Record();
                run.ReadMetric(1, part.Of(clean));
                run.ReadMetric(0, part.Of(corrupted));
                FiniteMetric.Check(data, part.First, part.Of(clean));
                FiniteMetric.Check(data, part.First, part.Of(corrupted));
                for (var e = 0; e < part.Count; e++)
                {
                    if (dropped is null) run.ReadScores(e, scores);
                    else dropped.ReadScores(e, scores);
                    earlier?.AddTo(scores, start + part.First + e);
                    sums.Add(scores);
                }
                if (dropped is not null) dropped.AddTo(nodes, neurons);
                else if (neurons is not null) run.ReadProducts((u, products, offsets) => neurons.Add(u, products, offsets, options.Library is { } library ? (e, sum) => library.Weight(start + part.First + e, examples) * sum : null));
                phases.Lap("sum");
            });
        progress?.Report(new RunProgress(data.Count, data.Count, Name));
        var means = sums.Means();
        var isOnePath = path.All(p => p.Stage == 0) && !isDropping && !RecomputesAttention && shift is null;
        return new AttributionResult
        {
            Scores = means,
            Sums = sums,
            Neurons = neurons,
            Nodes = nodes,
            NodeScores = options.Level == ScoreLevel.Edge ? null : nodes?.Means() ?? NodeScores(means),
            NeuronScores = neurons?.Means(),
            StandardErrors = sums.StandardErrors(),
            Clean = clean,
            Corrupted = corrupted,
            InputScores = sums.InputScores(),
            CompletenessGap = isOnePath ? Gap(sums.InputScores(), clean, corrupted, options.Metric) : null,
            ExampleGaps = isOnePath ? [.. sums.InputScores().Select((score, e) => Gap([score], [clean[e]], [corrupted[e]], options.Metric) ?? double.NaN)] : null,
            Seconds = clock.Elapsed.TotalSeconds,
            Phases = phases.Seconds,
            WorkspaceBytes = bytes,
        };
    }

    /// <summary>Where the path starts (null: at the corrupted run), and what the differences go to beside it, which in the library alone is something else.</summary>
    private static (AblationTable? Table, AblationTable? Shift) Tables(Transformer model, IReadOnlyList<Example> data, AttributionOptions options, PathPoint[] path)
    {
        var from = options.AblationData ?? data;
        AblationTable? Of(Ablation ablation) => AblationTable.Create(model, ablation, from, options.MemoryBytes);
        if (options.Library is null) return (Of(options.Ablation), null);
        return options.Ablation switch
        {
            Ablation.Mean => (Of(Ablation.Zero), AblationTable.OfOneRow(model, LastTokenMean.Compute(model, from, options.MemoryBytes))),
            Ablation.MeanPositional when path.Any(p => p.Stage > 0) => (Of(Ablation.Zero), Of(Ablation.MeanPositional)),
            _ => (Of(options.Ablation), null),
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
