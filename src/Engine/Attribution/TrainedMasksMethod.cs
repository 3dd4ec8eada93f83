using System.Diagnostics;
using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Masks;
using Faith.Engine.Metrics;
using Faith.Engine.Passes;

namespace Faith.Engine.Attribution;

/// <summary>
/// Methods that train a mask on every edge, or one a node for all edges out of it, by the loss of the masked run (method.md §10). Scores are what training leaves
/// (<see cref="MaskTraining.Result"/>), less the smallest of them: they rank and have no unit.
/// </summary>
internal abstract class TrainedMasksMethod : AttributionMethod
{
    // More examples in a step cost more and change little.
    private const int ExamplesOfStep = 16;

    public override bool ScoresByExample(AttributionOptions options) => false;

    public override AttributionResult Run(Transformer model, IReadOnlyList<Example> data, AttributionOptions options,
        IProgress<RunProgress>? progress, CancellationToken cancellation)
    {
        if (options.Level == ScoreLevel.Neuron) throw new InputException($"{Name} masks edges and nodes: take --level edge or node");
        var clock = Stopwatch.StartNew();
        var (graph, ofNodes) = (model.Graph, options.Level == ScoreLevel.Node);
        var evaluation = new EvaluationOptions { Metric = options.Metric, Ablation = options.Ablation, AblationData = options.AblationData, MemoryBytes = options.MemoryBytes };
        // Where the mask of an edge stands among those that are trained.
        var edges = graph.AllEdges.Select(e => e.Index).ToArray();
        var place = edges.Select((e, i) => ofNodes ? graph.SourceOf(new(e)).Index : i).ToArray();
        var scores = Start(graph, options, edges, place, ofNodes ? graph.Sources : edges.Length);
        var ofScores = new double[scores.Length];
        var (edgeMasks, ofMasks) = (new float[graph.Pairs], new double[graph.Pairs]);
        var steps = options.TrainSteps ?? DefaultTrainSteps!.Value;
        var training = Begin(scores, options, options.LearningRate ?? DefaultLearningRate!.Value, steps);
        // Before the work, which a file of another run would waste.
        var done = options.Checkpoint?.Resume(training, steps) ?? 0;
        using var session = new MaskSession(model, data, evaluation, ExamplesOfStep, (ulong)options.Seed);
        for (var step = done; step < steps; step++)
        {
            if (step > done && (step % options.Checkpoint?.Every == 0 || cancellation.IsCancellationRequested)) options.Checkpoint?.Save(training, step);
            cancellation.ThrowIfCancellationRequested();
            var size = training.Open();
            for (var i = 0; i < edges.Length; i++) edgeMasks[edges[i]] = (float)training.Masks[place[i]];
            var metric = session.Run(step % session.Groups, edgeMasks, ofMasks);
            if (!double.IsFinite(metric)) throw new InputException($"{Name}: the {options.Metric.Name()} of a masked run is not finite at step {step + 1}: take a lower --learning-rate");
            progress?.Report(new RunProgress(step, steps, Name) { Detail = $"loss {Figures.Short(options.Metric.Loss(metric))} with {size:0} {(ofNodes ? "nodes" : "edges")}" });
            Array.Clear(ofScores);
            for (var i = 0; i < edges.Length; i++) ofScores[place[i]] += ofMasks[edges[i]];
            training.Move(ofScores);
        }
        if (done < steps) options.Checkpoint?.Save(training, steps);
        progress?.Report(new RunProgress(steps, steps, Name));
        scores = training.Result;
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

    /// <summary>The training of a run.</summary>
    /// <param name="start">The scores that it starts from and moves.</param>
    /// <param name="options">The options of the run.</param>
    /// <param name="rate">The learning rate.</param>
    /// <param name="steps">How many steps follow.</param>
    private protected abstract MaskTraining Begin(double[] start, AttributionOptions options, double rate, int steps);

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
