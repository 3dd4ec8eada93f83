using System.Globalization;
using Faith.Engine.Data;

namespace Faith.Engine.Experiments;

/// <summary>The examples of runs of one model, each set read once.</summary>
/// <param name="model">The model.</param>
/// <param name="note">Says what was left out.</param>
internal sealed class RunData(LoadedModel model, Action<string> note)
{
    private readonly Dictionary<string, (PromptSet, PromptSet?)> sets = [];

    /// <summary>A run with its examples.</summary>
    public LoadedRun Of(RunSpecification run, CancellationToken cancellation)
    {
        // What a set holds depends on what the run needs of it.
        var key = string.Create(CultureInfo.InvariantCulture, $"{run.Folder}\n{run.Format}\n{run.Examples}\n{run.HeldOut}\n{run.Seed}\n{run.Needs}");
        var (data, heldOut) = Once($"data\n{run.Data}\n{key}", () => run.LoadParts(model, note, cancellation));
        var ablation = run.AblationData is null ? null : Once($"ablation\n{run.AblationData}\n{run.Scoring.Ablation}\n{key}", () => (run.LoadAblationData(model, note, cancellation)!, null)).Scored;
        return new(run, model, data, ablation) { HeldOut = heldOut };
    }

    private (PromptSet Scored, PromptSet? HeldOut) Once(string key, Func<(PromptSet, PromptSet?)> load) => sets.TryGetValue(key, out var set) ? set : sets[key] = load();
}
