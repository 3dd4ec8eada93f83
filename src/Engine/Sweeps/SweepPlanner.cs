using Faith.Engine.Ablations;
using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Experiments;
using Faith.Engine.Models;
using Faith.Engine.Planning;
using Faith.Kernels;

namespace Faith.Engine.Sweeps;

/// <summary>The cells of a study: models and data are read, so that a cell knows their hashes and what it will take; nothing is computed.</summary>
public static class SweepPlanner
{
    // So much that micro-batches are as large as they ever get: what a plan says must not depend on the machine that makes it.
    private const long PlanningMemory = 1L << 40;

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
                    var run = asked.WithoutNeedlessFolder() with { Sizes = asked.Sizes ?? DefaultSizes(model, asked.Scoring.Level) };
                    CheckSizes(run, model);
                    if (run.KeepsExamples && !AttributionMethods.Find(run.Scoring.Method).ScoresByExample(run.Scoring)) throw new InputException($"{(run.SelectsCertain ? $"select {run.Select}" : "resamples")}: {run.Scoring.Method} does not score edges example by example; skip: leaves the combination out");
                    var loaded = sets.Of(run, cancellation);
                    var (data, ablation) = (loaded.Data, loaded.AblationData);
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

    /// <summary>What there is to select from at a level.</summary>
    private static int MostOf(LoadedModel model, ScoreLevel level) => level switch
    {
        ScoreLevel.Edge => model.Graph.Edges,
        ScoreLevel.Node => model.Graph.Sources - 1,
        _ => model.Graph.Sources * model.Config.Width,
    };

    private static int[] DefaultSizes(LoadedModel model, ScoreLevel level) =>
        [.. CurveAreas.MibFractions.Select(f => CurveAreas.CountOf(MostOf(model, level), f)).Where(n => n > 0).Distinct()];

    private static void CheckSizes(RunSpecification run, LoadedModel model)
    {
        var most = MostOf(model, run.Scoring.Level);
        if (run.Sizes![^1] > most) throw new InputException($"edges {run.Sizes[^1]}: {PlainText.Short(run.Model)} has only {most} {run.Scoring.Level.Name()}s");
    }

    private static (double?, long?) OfScores(RunSpecification run, LoadedModel model, PromptSet data)
    {
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
