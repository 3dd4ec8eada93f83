using System.Diagnostics;
using Faith.Engine.Ablations;
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

    /// <summary>How gradients go back through what is not linear, unless the options say so.</summary>
    public virtual GradientRule Gradient => GradientRule.Derivative;

    public override bool TakesRules => true;

    /// <summary>How gradients go back in a run.</summary>
    public GradientRule RuleOf(AttributionOptions options) => options.Rules ?? Gradient;

    /// <summary>Points whose gradients are held until a contraction. Fixed, so that the bits of a score do not depend on the memory.</summary>
    public virtual int StepsTogether => 32;

    public override bool TakesPositions => true;

    /// <summary>True where a score is the mean magnitude over the points that do not drop its layer (<see cref="PathPoint.Dropped"/>), which are run one by one.</summary>
    public virtual bool TakesMagnitudes => false;

    /// <summary>Bytes of host memory that an extension takes for each pair of an example, and for each pair of a span.</summary>
    public virtual int HostBytesOfScore => 0;

    /// <summary>True where the scores are the path integral, which adds up (method.md §4), and cost what its passes do.</summary>
    public virtual bool IsPathIntegral => true;

    /// <summary>True where nodes have scores of their own and not the sums of their edges'.</summary>
    public virtual bool HasOwnNodeScores => false;

    /// <summary>What the method does beside the general, in a micro-batch; null: nothing.</summary>
    public virtual PathExtension? Extend(PathRun run, in PathRunParts parts, AttributionOptions options) => null;

    public override AttributionResult Run(Transformer model, IReadOnlyList<Example> data, AttributionOptions options,
        IProgress<RunProgress>? progress, CancellationToken cancellation) => Run(model, data, options, Path(options, model.Graph), null, progress, cancellation);

    /// <summary>
    /// Runs some points of the method's path, and adds to the edges' scores what the others gave by <paramref name="earlier"/>; null where
    /// these are all. The scores of neurons are those of the points that were run.
    /// </summary>
    public AttributionResult Run(Transformer model, IReadOnlyList<Example> data, AttributionOptions options, PathPoint[] path, PreviousRoundScores? earlier,
        IProgress<RunProgress>? progress, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        var (start, examples) = ExamplePart.PlaceOf(data);
        var from = options.AblationData ?? data;
        var (table, ends) = options.Quirks?.TablesOfPath(model, from, options, path) ?? (AblationTable.Create(model, options.Ablation, from, options.MemoryBytes), null);
        using var tableMemory = table;
        using var endsMemory = ends;
        var sums = new ScoreSums(model.Graph, data.Count, options.Sink);
        var spans = options.SpanGraph is { } spanGraph ? new SpanSums(spanGraph, data.Count) : null;
        var neurons = options.Level == ScoreLevel.Neuron ? new NeuronSums(model.Graph, model.Config.Width, data.Count) : null;
        var nodes = HasOwnNodeScores && options.Level != ScoreLevel.Edge ? new NeuronSums(model.Graph, 1, data.Count) : null;
        var spanNodes = nodes is not null && spans is not null ? new NeuronSums(model.Graph, spans.Graph.Spans.Count, data.Count) : null;
        var (clean, corrupted) = (new double[data.Count], new double[data.Count]);
        using var phases = new PhaseClock(model.Device);
        var scores = new float[model.Graph.Pairs];
        var bytes = MicroBatches.Run(model, data, MicroBatches.Budget(model, options.MemoryBytes), sharePrefixes: table is null,
            batch => PathRun.Measure(model, batch, path, this, options, table, ends), part =>
            {
                cancellation.ThrowIfCancellationRequested();
                progress?.Report(new RunProgress(part.First, data.Count, Name));
                var run = new PathRun(model, part.Arena, measuring: false, part.Batch, path, this, options, table, ends);
                run.Execute(phases, cancellation);
                part.Record();
                run.ReadMetric(1, part.Of(clean));
                run.ReadMetric(0, part.Of(corrupted));
                FiniteMetric.Check(data, part.First, part.Of(clean));
                FiniteMetric.Check(data, part.First, part.Of(corrupted));
                for (var e = 0; e < part.Count; e++)
                {
                    run.ReadScores(e, scores);
                    earlier?.AddTo(scores, start + part.First + e);
                    sums.Add(scores);
                    spans?.Add(run, e);
                }
                if (!run.AddOwn(nodes, neurons, spanNodes) && neurons is not null)
                {
                    run.ReadProducts((u, products, offsets) => neurons.Add(u, products, offsets,
                        options.Quirks is { } quirks ? (e, sum) => quirks.Weight(start + part.First + e, examples) * sum : null));
                }
                phases.Lap("sum");
            });
        progress?.Report(new RunProgress(data.Count, data.Count, Name));
        var (means, bySpan) = (sums.Means(), spans?.Means());
        // By another rule the scores are no path integral, and a sum over several points is nothing else.
        var addsUp = RuleOf(options) == GradientRule.Derivative || options.Rules is null && path.Length == 1;
        var isOnePath = IsPathIntegral && path.All(p => p.Stage == 0) && ends is null && addsUp;
        return new AttributionResult
        {
            Scores = means,
            Sums = sums,
            Spans = bySpan,
            SpanNodes = options.Level == ScoreLevel.Edge || bySpan is null ? null : spanNodes?.Means() ?? NodeScores(bySpan),
            SpanNodeSums = spanNodes,
            SpanSums = spans,
            SpanErrors = spans?.StandardErrors(),
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

    /// <summary>∂L/∂z_u = Σ_v ∂L/∂x_v over what reads u, by the chain rule: a node scores the sum of its out-edges.</summary>
    internal static double[] NodeScores(EdgeScores edges) =>
        [.. edges.Values.Chunk(edges.Graph.Columns).Select(outEdges => outEdges.Sum())];

    /// <summary>The same span by span [F·S].</summary>
    internal static double[] NodeScores(SpanScores scores)
    {
        var graph = scores.Graph;
        return [.. graph.Model.AllSources.SelectMany(u => Enumerable.Range(0, graph.Spans.Count).Select(s => graph.Model.OutEdges(u).Sum(edge => scores[graph.Within(s, edge)])))];
    }

    /// <summary>The completeness gap (<see cref="AttributionResult.CompletenessGap"/>).</summary>
    internal static double? Gap(double[] inputScores, double[] clean, double[] corrupted, MetricKind metric)
    {
        var target = corrupted.Average(v => metric.Loss(v)) - clean.Average(v => metric.Loss(v));
        return target == 0 ? null : Math.Abs(inputScores.Average() - target) / Math.Abs(target);
    }
}

/// <summary>What a <see cref="PathRun"/> has laid out, for those who extend it.</summary>
internal readonly record struct PathRunParts(Transformer Model, Arena Arena, bool Measuring, BatchInputs Inputs, DifferenceCapture Differences, Activations Activations, BackwardBuffers Backward, SpanRows? Spans);
