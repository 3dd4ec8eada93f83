using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Experiments;
using Faith.Engine.Files;
using Faith.Engine.Graphs;
using Faith.Engine.Passes;
using Faith.Engine.Reports;
using Faith.Engine.ScoreFiles;
using Faith.Engine.Statistics;

namespace Faith.Engine.Sweeps;

/// <summary>Runs cells of one model and writes their files. What neighbouring cells share is read and computed once: the model, its data, the scores of which several circuits are selected.</summary>
internal sealed class CellRunner : IDisposable
{
    /// <summary>Resamples of the examples for intervals of what circuits keep.</summary>
    internal const int Resamples = 1000;
    /// <summary>The confidence of these intervals.</summary>
    internal const double Confidence = 0.95;

    private readonly SweepFolder folder;
    private readonly DeviceChoice choice;
    private readonly LoadedModel model;
    private readonly RunData sets;
    private (string Identity, AttributionResult Result, ExampleScores? Examples)? last;

    public CellRunner(SweepFolder folder, SweepCell first, DeviceChoice choice)
    {
        (this.folder, this.choice) = (folder, choice);
        model = first.Run.LoadModel();
        // What was left out has been said when the sweep was planned.
        sets = new(model, _ => { });
    }

    /// <summary>Runs a cell and writes its files, the record last.</summary>
    /// <returns>The run, its model where it was run first, and what its smallest circuit keeps.</returns>
    /// <exception cref="InputException">The cell cannot be run, or its model or data are no longer those that were planned.</exception>
    public (LoadedRun Run, Transformer Model, Faithfulness Smallest) Run(SweepCell cell, IProgress<RunProgress>? progress, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        var run = cell.Run;
        Check("model", run.Model, cell.ModelHash, model.Hash);
        var loaded = sets.Of(run, cancellation);
        Check("data", run.Data, cell.DataHash, loaded.Data.Hash);
        if (loaded.AblationData is { } ablation) Check("ablation-data", run.AblationData!, cell.AblationDataHash, ablation.Hash);

        var shared = last is { } before && before.Identity == run.ScoringIdentity && (before.Examples is not null || !run.KeepsExamples);
        if (!shared)
        {
            var (scored, kept) = loaded.ScoreToSelect(choice, progress, cancellation);
            last = (run.ScoringIdentity, scored, kept);
        }
        var (_, result, examples) = last!.Value;
        var selection = loaded.Selection(examples);

        var record = loaded.Record(result, choice) with { Device = null, Seconds = null };
        var circuits = result.Spans is { } spans ? OfSpans(cell, loaded, spans, result, record, progress, cancellation) : OfPrompts(cell, loaded, result, selection, record, progress, cancellation);
        var bootstrap = loaded.Measured.Count > 1 ? new Bootstrap(loaded.Measured.Count, Resamples, seed: 0) : null;
        CurvePoint[] points = [.. circuits.Points.Select(point => point with { Interval = bootstrap?.Faithfulness(point.Result, Confidence) ?? new(double.NaN, double.NaN) })];
        Write(cell, circuits, points, record, loaded, result, selection, Stability(run, result, examples, selection, cancellation), new(Environment.MachineName, model.OnAll(choice).DeviceName, clock.Elapsed.TotalSeconds, result.Seconds, shared));
        return (loaded, model.OnAll(choice).First, points[0].Result);
    }

    private CellCircuits OfPrompts(SweepCell cell, LoadedRun loaded, AttributionResult result, EdgeSelection selection, RunRecord record, IProgress<RunProgress>? progress, CancellationToken cancellation)
    {
        var (run, path) = (loaded.Specification, folder.PathOf(cell, SweepFolder.ScoresFile));
        var scores = new ScoreFile
        {
            Graph = model.Graph, DModel = model.Config.Width, Scores = result.HasEdgeScores ? result.Scores : null, InGraph = Circuit.Empty(model.Graph),
            Nodes = NodeEntry.Of(result.NodeScores, result.NeuronScores, model.Config.Width), Run = record,
        };
        var level = LevelScores.Of(scores, path, run.Scoring.Level, selection);
        var circuits = run.Sizes!.Select(size => level.Top(size, run.Signed)).ToArray();
        var results = loaded.Evaluate(circuits, choice, progress, cancellation);
        return new(scores.ToOutput(path), result.HasEdgeScores && result.StandardErrors is { } errors ? [.. ScoreFile.EdgeOrder(model.Graph).Select(e => errors[e])] : null,
            [.. circuits.Select((circuit, i) => new CurvePoint(run.Sizes![i], circuit, results[i], null))]);
    }

    private CellCircuits OfSpans(SweepCell cell, LoadedRun loaded, SpanScores spans, AttributionResult result, RunRecord record, IProgress<RunProgress>? progress, CancellationToken cancellation)
    {
        var (run, graph, path) = (loaded.Specification, spans.Graph, folder.PathOf(cell, SweepFolder.ScoresFile));
        var scores = new SpanScoreFile { Graph = graph, DModel = model.Config.Width, Scores = spans, NodeScores = result.SpanNodes, InGraph = SpanCircuit.Empty(graph), Run = record };
        var level = SpanLevelScores.Of(scores, path, run.Scoring.Level, run.Select);
        var circuits = run.Sizes!.Select(size => level.Top(size, run.Signed)).ToArray();
        var results = loaded.Evaluate(circuits, choice, progress, cancellation);
        return new(scores.ToOutput(path), result.SpanErrors is not { } errors ? null : [.. SpanScoreFile.EdgeOrder(graph).Select(e => errors[e])],
            [.. circuits.Select((circuit, i) => new CurvePoint(run.Sizes![i], circuit, results[i]))]);
    }

    /// <inheritdoc/>
    public void Dispose() => model.Dispose();

    private static void Check(string what, string name, string? planned, string found)
    {
        if (planned != found) throw new InputException($"{what} {PlainText.Name(name)} is no longer what was planned (hash {found[..12]}, planned {planned?[..12]}); faith sweep plan plans with what is there");
    }

    // How often resamples of the examples select each edge.
    private static StabilityFile? Stability(RunSpecification run, AttributionResult result, ExampleScores? examples, EdgeSelection selection, CancellationToken cancellation)
    {
        int[] sizes = [.. run.Sizes!.Where(n => n > 0)];
        if (run.Resamples == 0 || examples is null || sizes.Length == 0) return null;
        var options = new StabilityOptions { Sizes = sizes, Select = selection.Method, Signed = run.Signed, Resamples = run.Resamples, Confidence = Confidence };
        return new(run.Scoring.Method, sizes, StabilityStudy.EdgesOf(examples, result.Scores, options, cancellation));
    }

    private void Write(SweepCell cell, CellCircuits circuits, CurvePoint[] points, RunRecord told, LoadedRun run, AttributionResult result, EdgeSelection selection, StabilityFile? stability, CellCost cost)
    {
        var scoreBytes = BytesOf(circuits.Scores);
        var curveBytes = Encoding.UTF8.GetBytes(CurveFiles.Csv(points));
        var record = new CellRecord
        {
            Cell = cell.Id,
            Run = told,
            Graph = model.Graph,
            Curve = [.. points.Select(p => new ReportPoint(p.Selected, p.Edges, p.Nodes, p.Result.CircuitMean, p.Result.Normalised, p.Interval!.Value.Low, p.Interval.Value.High, p.Result.Circuit))],
            Clean = points[0].Result.Clean,
            Corrupted = points[0].Result.Corrupted,
            Undefined = points[0].Result.Undefined,
            Doubt = run.Doubt(result),
            StandardErrors = circuits.StandardErrors,
            Certain = selection.Certain,
            Stability = stability,
            Prompts = ReportPrompts.Of(run.Measured, model.Tokenizer),
            Files = new Dictionary<string, string> { [SweepFolder.ScoresFile] = HashOf(scoreBytes), [SweepFolder.CurveFile] = HashOf(curveBytes) },
        };
        Directory.CreateDirectory(folder.FolderOf(cell));
        Directory.CreateDirectory(Path.GetDirectoryName(folder.CostPathOf(cell))!);
        // What a killed run left goes first: files then take free places, and nothing of what was replaced is left when this run is killed too.
        foreach (var file in (string[])[SweepFolder.ScoresFile, SweepFolder.CurveFile]) File.Delete(folder.PathOf(cell, file));
        OutputFile.WriteTogether(
            new(folder.PathOf(cell, SweepFolder.ScoresFile), stream => stream.Write(scoreBytes)),
            new(folder.PathOf(cell, SweepFolder.CurveFile), stream => stream.Write(curveBytes)),
            new(folder.CostPathOf(cell), stream => JsonSerializer.Serialize(stream, cost)),
            new(folder.PathOf(cell, SweepFolder.RecordFile), stream => stream.Write(CellRecordJson.Write(record))));
    }

    private static byte[] BytesOf(Output output)
    {
        using var memory = new MemoryStream();
        output.Write(memory);
        return memory.ToArray();
    }

    private static string HashOf(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    /// <summary>The scores of a cell as a file, their standard errors in its order, and its circuits by size.</summary>
    private readonly record struct CellCircuits(Output Scores, IReadOnlyList<double>? StandardErrors, IReadOnlyList<CurvePoint> Points);
}
