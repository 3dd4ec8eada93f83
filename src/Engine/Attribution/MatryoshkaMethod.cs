using System.Diagnostics;
using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Masks;
using Faith.Engine.Metrics;
using Faith.Engine.Passes;

namespace Faith.Engine.Attribution;

/// <summary>
/// Matryoshka attribution (Arora et al. 2026, arXiv 2609.25518): one score an edge, or a node, trained so that the circuits of all sizes keep the metric. A step draws
/// a size k, log-uniformly, opens masks that add up to k by the scores (<see cref="BudgetedMasks"/>) and moves the scores by <see cref="Adam"/>; the loss is minus the
/// metric. The scores are those after the last step, less the smallest of them: they rank and have no unit.
/// </summary>
internal sealed class MatryoshkaMethod : AttributionMethod
{
    /// <summary>Steps unless given.</summary>
    public const int DefaultTrainSteps = 2000;
    /// <summary>The learning rate unless given.</summary>
    public const double DefaultLearningRate = 0.05;
    // More examples in a step cost more and change little.
    private const int ExamplesOfStep = 16;

    public override string Name => "mattr";
    public override string Summary => "matryoshka attribution: masks trained at all sizes of the circuit at once (Arora et al. 2026)";
    public override bool ScoresByExample(AttributionOptions options) => false;

    public override AttributionResult Run(Transformer model, IReadOnlyList<Example> data, AttributionOptions options,
        IProgress<RunProgress>? progress, CancellationToken cancellation)
    {
        if (options.Level == ScoreLevel.Neuron) throw new InputException($"{Name} masks edges and nodes: take --level edge or node");
        var clock = Stopwatch.StartNew();
        var (graph, ofNodes) = (model.Graph, options.Level == ScoreLevel.Node);
        var evaluation = new EvaluationOptions { Metric = options.Metric, Ablation = options.Ablation, AblationData = options.AblationData, MemoryBytes = options.MemoryBytes };
        using var session = new MaskSession(model, data, evaluation, ExamplesOfStep, (ulong)options.Seed);
        // Where the mask of an edge stands among those that are trained.
        var edges = graph.AllEdges.Select(e => e.Index).ToArray();
        var place = edges.Select((e, i) => ofNodes ? graph.SourceOf(new(e)).Index : i).ToArray();
        var scores = Start(graph, options, edges, place, ofNodes ? graph.Sources : edges.Length);
        var (masks, ofScores) = (new double[scores.Length], new double[scores.Length]);
        var (edgeMasks, ofMasks) = (new float[graph.Pairs], new double[graph.Pairs]);
        var (random, adam, steps) = (new Random64((ulong)options.Seed + 1), new Adam(scores.Length, options.LearningRate ?? DefaultLearningRate), options.TrainSteps ?? DefaultTrainSteps);
        for (var step = 0; step < steps; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            var budget = Math.Min(Math.Exp(random.Unit() * Math.Log(scores.Length)), scores.Length - 0.5);
            BudgetedMasks.Set(scores, budget, masks);
            for (var i = 0; i < edges.Length; i++) edgeMasks[edges[i]] = (float)masks[place[i]];
            var metric = session.Run(step % session.Groups, edgeMasks, ofMasks);
            if (!double.IsFinite(metric)) throw new InputException($"{Name}: the {options.Metric.Name()} of a masked run is not finite at step {step + 1}: take a lower --learning-rate");
            progress?.Report(new RunProgress(step, steps, Name) { Detail = $"loss {Figures.Short(options.Metric.Loss(metric))} with {budget:0} {(ofNodes ? "nodes" : "edges")}" });
            Array.Clear(ofScores);
            for (var i = 0; i < edges.Length; i++) ofScores[place[i]] += ofMasks[edges[i]];
            BudgetedMasks.ToScores(masks, ofScores);
            adam.Step(scores, ofScores);
        }
        progress?.Report(new RunProgress(steps, steps, Name));
        var least = scores.Min();
        var values = new double[graph.Pairs];
        if (!ofNodes) for (var i = 0; i < edges.Length; i++) values[edges[i]] = scores[i] - least;
        var result = new AttributionResult
        {
            Scores = new EdgeScores(graph, values),
            Clean = session.Clean,
            Corrupted = session.Corrupted,
            Seconds = clock.Elapsed.TotalSeconds,
            Phases = new Dictionary<string, double> { ["training"] = clock.Elapsed.TotalSeconds },
            WorkspaceBytes = session.Bytes,
        };
        return ofNodes ? result.WithNodeScores([.. scores.Select(a => a - least)], null) : result;
    }

    /// <summary>The scores that training starts from: all equal, or the ranks of given ones, from −2 to 2.</summary>
    private static double[] Start(ModelGraph graph, AttributionOptions options, int[] edges, int[] place, int count)
    {
        var scores = new double[count];
        if (options.WarmStart is not { } warm) return scores;
        if (warm.Graph != graph) throw new InputException($"--warm-start: the scores are of a model with {warm.Graph.Layers} layers of {warm.Graph.Heads} heads; this one has {graph.Layers} of {graph.Heads}");
        var given = new double[count];
        for (var i = 0; i < edges.Length; i++) given[place[i]] += Math.Abs(warm.Values[edges[i]]);
        var ranking = Enumerable.Range(0, count).OrderBy(i => given[i]).ToArray();
        for (var r = 0; r < count; r++) scores[ranking[r]] = count > 1 ? 4.0 * r / (count - 1) - 2 : 0;
        return scores;
    }
}
