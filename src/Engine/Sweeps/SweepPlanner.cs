using Faith.Engine.Ablations;
using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Experiments;
using Faith.Engine.Graphs;
using Faith.Engine.Models;
using Faith.Engine.Planning;
using Faith.Kernels;

namespace Faith.Engine.Sweeps;

/// <summary>The cells of a study: models and data are read, so that a cell knows their hashes and what it will take; nothing is computed.</summary>
public static class SweepPlanner
{
    // So much that micro-batches are as large as they ever get: what a plan says must not depend on the machine that makes it.
    private const long PlanningMemory = 1L << 40;
    private const string LeftOut = "; skip: leaves the combination out";

    /// <summary>The cells in the order of the study; runs that are the same are one.</summary>
    /// <param name="study">The study.</param>
    /// <param name="path">Its file, for messages.</param>
    /// <param name="note">Says what was left out.</param>
    /// <param name="cancellation">Stops between runs.</param>
    /// <exception cref="InputException">A model or data cannot be read, or a run asks for more edges than there are; the message names the line.</exception>
    public static IReadOnlyList<SweepCell> Plan(Study study, string path, Action<string> note, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(study);
        ArgumentNullException.ThrowIfNull(note);
        var cells = new List<SweepCell>();
        var ids = new HashSet<string>(StringComparer.Ordinal);
        var repeated = 0;
        foreach (var ofModel in study.Runs.GroupBy(r => (r.Run.Model, r.Run.Begin)))
        {
            using var model = At(path, ofModel.First().Line, ofModel.First().Run.LoadModel);
            var sets = new RunData(model, note);
            var needs = new Dictionary<string, (double? Gflop, long? Bytes)>();
            foreach (var (asked, line) in ofModel)
            {
                cancellation.ThrowIfCancellationRequested();
                var cell = At(path, line, () =>
                {
                    Check(asked);
                    var loaded = sets.Of(asked.WithoutNeedlessFolder(), cancellation);
                    var (data, ablation) = (loaded.Data, loaded.AblationData);
                    var most = MostOf(asked, model, loaded);
                    var run = loaded.Specification with { Sizes = asked.Sizes ?? DefaultSizes(most) };
                    if (run.Sizes[^1] > most) throw new InputException($"edges {run.Sizes[^1]}: {PlainText.Short(run.Model)} has only {most} {run.Scoring.Level.Name()}s{(run.Scoring.Positions is { } kind ? $" over its {kind.Name()}" : "")}");
                    if (!needs.TryGetValue(run.ScoringIdentity, out var scoring)) needs[run.ScoringIdentity] = scoring = OfScores(run, model, data);
                    var circuits = OfCircuits(run, model.Config, loaded.Measured);
                    return new SweepCell
                    {
                        Run = run, Version = ProgramVersion.Text, ModelHash = model.Hash, DataHash = data.Hash, AblationDataHash = ablation?.Hash,
                        Gflop = (scoring.Gflop + circuits) / 1e9, Bytes = scoring.Bytes,
                    };
                });
                if (ids.Add(cell.Id)) cells.Add(cell);
                else repeated++;
            }
        }
        if (repeated > 0) note($"{repeated} of {study.Runs.Count} runs are the same as others and are made once");
        return cells;
    }

    /// <summary>Refuses settings that do not go together.</summary>
    private static void Check(RunSpecification asked)
    {
        var run = asked with { Sizes = asked.Sizes ?? [] };
        var scoresByExample = run.Combination is null && AttributionMethods.Find(run.Scoring.Method).ScoresByExample(run.Scoring);
        if (run.KeepsExamples && !scoresByExample) throw new InputException($"{(run.SelectsCertain ? $"select {run.Select}" : "resamples")}: {(run.Combination is null ? run.Scoring.Method : "what combines methods")} does not score edges example by example{LeftOut}");
        if (run.Combination is { } combination && (run.Scoring.Level != ScoreLevel.Edge || run.Scoring.Positions is not null)) throw new InputException($"combine {combination}: scores of edges over whole prompts are combined, not by level or position{LeftOut}");
        if (run.Scoring.Positions is not { } kind) return;
        Attributor.CheckPositions(run.Scoring);
        if (run.Scoring.Level == ScoreLevel.Edge && !SpanSelection.Names.Contains(run.Select)) throw new InputException($"select {run.Select}: positions {kind.Name()} select edges by {string.Join(" or ", SpanSelection.Names)}{LeftOut}");
        if (run is { Resamples: > 0, Scoring.Level: ScoreLevel.Edge }) throw new InputException($"resamples: positions {kind.Name()} have no scores by example to resample{LeftOut}");
    }

    /// <summary>What there is to select from.</summary>
    private static int MostOf(RunSpecification run, LoadedModel model, LoadedRun loaded)
    {
        if (run.Scoring.Positions is { } kind)
        {
            var (spans, _) = Positions.Apply(loaded.Data, kind);
            if (loaded.HeldOut is { } heldOut) Positions.Apply(heldOut, kind, spans);
            var graph = new SpanGraph(model.Graph, spans);
            return run.Scoring.Level == ScoreLevel.Edge ? graph.Edges : SpanSelection.NodesOf(graph);
        }
        return run.Scoring.Level switch
        {
            ScoreLevel.Edge => model.Graph.Edges,
            ScoreLevel.Node => model.Graph.Sources - 1,
            _ => model.Graph.Sources * model.Config.Width,
        };
    }

    private static int[] DefaultSizes(int most) => [.. CurveAreas.MibFractions.Select(f => CurveAreas.CountOf(most, f)).Where(n => n > 0).Distinct()];

    private static (double?, long?) OfScores(RunSpecification run, LoadedModel model, PromptSet data)
    {
        // Of one run over whole prompts.
        if (run.Combination is not null || run.Scoring.Positions is not null) return (null, null);
        if (run.Scoring.Ablation != Ablation.Patching || !RunPlanner.Methods.Contains(run.Scoring.Method)) return (null, null);
        using var device = PlanningDevice.Host(PlanningMemory);
        var plan = RunPlanner.Plan(device, model.Weights, data, run.Scoring);
        return (plan.Flops, plan.WeightBytes + plan.WorkspaceBytes);
    }

    // A forward pass over the rows that can differ for every circuit, and one for each end.
    private static double OfCircuits(RunSpecification run, ModelConfig config, PromptSet data) =>
        data.Sum(e => (run.Sizes!.Count + 2) * FloorCount.Forward(config, e.FirstDifference, e.Clean.Length));

    private static T At<T>(string path, long line, Func<T> make)
    {
        try
        {
            return make();
        }
        catch (InputException e)
        {
            throw new InputException($"{path}, line {line}: {e.Message}", e);
        }
    }
}
