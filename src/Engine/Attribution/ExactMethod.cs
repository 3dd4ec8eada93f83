using System.Diagnostics;
using Faith.Engine.Ablations;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Passes;

namespace Faith.Engine.Attribution;

/// <summary>
/// Activation patching, edge by edge (Wang et al. 2023; Goldowsky-Dill et al. 2023): score(u, v) = loss with only u → v ablated −
/// loss of the full model. Nodes and neurons: <see cref="ExactNodes"/>.
/// </summary>
internal sealed class ExactMethod : AttributionMethod
{
    /// <summary>More rows than this gain no speed and leave the caches.</summary>
    private const int RowsTogether = 1024;

    public override string Name => "exact";
    public override string Summary => "activation patching of one edge at a time (Wang et al. 2023)";

    // Nodes and neurons are tried as circuits, their edges not at all.
    public override bool ScoresByExample(AttributionOptions options) => options.Level == ScoreLevel.Edge;

    public override AttributionResult Run(Transformer model, IReadOnlyList<Example> data, AttributionOptions options,
        IProgress<RunProgress>? progress, CancellationToken cancellation)
    {
        if (options.Level != ScoreLevel.Edge)
        {
            if (options.OnlyEdges is not null) throw new InputException($"exact patching of {options.Level.Name()}s tries every one; take --level edge to try some edges only");
            return ExactNodes.Run(model, data, options, progress, cancellation);
        }

        var clock = Stopwatch.StartNew();
        var from = options.AblationData ?? data;
        using var table = options.Quirks is { } quirks ? quirks.TableOfTrials(model, from, options) : AblationTable.Create(model, options.Ablation, from, options.MemoryBytes);
        var (graph, kind, budget) = (model.Graph, options.Metric, MicroBatches.Budget(model, options.MemoryBytes));
        var wanted = Filter(graph, options.OnlyEdges);
        var sums = new ScoreSums(graph, data.Count, options.Sink);
        var (clean, corrupted) = (new double[data.Count], new double[data.Count]);
        using var phases = new PhaseClock(model.Device);
        var trials = 0L;
        var units = data.Count * (graph.Layers + 1);
        var bytes = MicroBatches.Run(model, data, budget, sharePrefixes: table is null, batch => ExactRun.Measure(model, batch, kind, table, 1), part =>
        {
            void Report(int stage) => progress?.Report(new RunProgress(part.First * (graph.Layers + 1) + stage * part.Count, units, Name));
            var (rowsTogether, _) = Largest(model, part.Batch, kind, table, part.Arena.Capacity);
            var run = new ExactRun(model, part.Arena, measuring: false, part.Batch, kind, table, wanted, rowsTogether);
            run.RunEnds(part.Of(clean), part.Of(corrupted));
            FiniteMetric.Check(data, part.First, part.Of(clean));
            FiniteMetric.Check(data, part.First, part.Of(corrupted));
            phases.Lap("ends");
            for (var l = 0; l < graph.Layers; l++)
            {
                Report(l);
                run.TryHeads(l, cancellation);
                phases.Lap("heads");
                run.TryMlp(l);
                phases.Lap("mlps");
            }
            Report(graph.Layers);
            run.TryLogits();
            phases.Lap("logits");
            part.Record();
            foreach (var scores in run.Scores.Chunk(graph.Pairs)) sums.Add(scores);
            phases.Lap("sum");
            trials += (long)run.Trials * part.Count;
        }, (batch, most) => Largest(model, batch, kind, table, most).Bytes);
        progress?.Report(new RunProgress(units, units, Name));
        return new AttributionResult
        {
            Scores = sums.Means(),
            Sums = sums,
            StandardErrors = sums.StandardErrors(),
            Clean = clean,
            Corrupted = corrupted,
            TrialsPerSecond = trials / clock.Elapsed.TotalSeconds,
            Seconds = clock.Elapsed.TotalSeconds,
            Phases = phases.Seconds,
            WorkspaceBytes = bytes,
        };
    }

    private static Func<EdgeId, bool> Filter(ModelGraph graph, IReadOnlyCollection<EdgeId>? only)
    {
        if (only is null) return _ => true;
        var circuit = new Circuit(graph, only);
        return circuit.Contains;
    }

    /// <summary>As many rows together as memory allows; the scores do not depend on it.</summary>
    private static (int RowsTogether, long Bytes) Largest(Transformer model, Batch batch, MetricKind kind, AblationTable? table, long budget)
    {
        for (var rows = RowsTogether; ; rows /= 2)
        {
            var bytes = ExactRun.Measure(model, batch, kind, table, Math.Max(rows, 1));
            if (bytes <= budget || rows <= 1) return (Math.Max(rows, 1), bytes);
        }
    }
}
