using System.Diagnostics;
using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Passes;

namespace Faith.Engine.Attribution;

/// <summary>
/// Information flow routes (Ferrando &amp; Voita 2024): of what reads the residual stream r at a position, source u has the
/// share max(0, ‖r‖₁ − ‖r − z_u‖₁), divided by the sum of that over all sources; the mean over the positions. The clean run only:
/// neither metric nor ablation enters. All head inputs of a layer read the same stream and score the same.
/// </summary>
internal sealed class InformationFlowMethod : AttributionMethod
{
    public override string Name => "ifr";
    public override string Summary => "information flow routes: shares of the residual stream, clean run only (Ferrando & Voita 2024)";

    public override AttributionResult Run(Transformer model, IReadOnlyList<Example> data, AttributionOptions options,
        IProgress<RunProgress>? progress, CancellationToken cancellation)
    {
        if (options.Level != ScoreLevel.Edge) throw new InputException("information flow routes score edges only; take --level edge");
        var clock = Stopwatch.StartNew();
        var unnormed = options.Quirks is { HasHeadsUnnormed: true };
        using var phases = new PhaseClock(model.Device);
        // Reported beside the scores, though they do not enter.
        var evaluation = new EvaluationOptions { Metric = options.Metric, MemoryBytes = options.MemoryBytes };
        var ends = CircuitEvaluator.Evaluate(model, data, [Circuit.Empty(model.Graph)], evaluation, cancellation: cancellation)[0];
        phases.Lap("ends");

        var sums = new ScoreSums(model.Graph, data.Count, options.Sink);
        var bytes = MicroBatches.Run(model, data, MicroBatches.Budget(model, options.MemoryBytes), sharePrefixes: false,
            batch => InformationFlowRun.Measure(model, batch, unnormed), part =>
            {
                cancellation.ThrowIfCancellationRequested();
                progress?.Report(new RunProgress(part.First, data.Count, Name));
                var run = new InformationFlowRun(model, part.Arena, measuring: false, part.Batch, unnormed);
                run.Execute();
                phases.Lap("forward");
                part.Record();
                for (var e = 0; e < part.Count; e++) sums.Add(run.Scores(e));
                phases.Lap("scores");
            });
        progress?.Report(new RunProgress(data.Count, data.Count, Name));
        return new AttributionResult
        {
            Scores = sums.Means(),
            Sums = sums,
            StandardErrors = sums.StandardErrors(),
            Clean = ends.Clean,
            Corrupted = ends.Corrupted,
            Seconds = clock.Elapsed.TotalSeconds,
            Phases = phases.Seconds,
            WorkspaceBytes = bytes,
        };
    }
}
