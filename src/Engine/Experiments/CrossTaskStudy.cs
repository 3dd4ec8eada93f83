using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Graphs;
using Faith.Engine.Passes;

namespace Faith.Engine.Experiments;

/// <summary>The circuit of every task on every task.</summary>
/// <param name="Runs">The tasks.</param>
/// <param name="Scores">What each run gave.</param>
/// <param name="Selections">How the edges of each were selected.</param>
/// <param name="Circuits">The circuit of each task.</param>
/// <param name="Results">[task][circuit]: what the circuit keeps of the task.</param>
public sealed record CrossTaskStudy(IReadOnlyList<LoadedRun> Runs, IReadOnlyList<AttributionResult> Scores, IReadOnlyList<EdgeSelection> Selections, IReadOnlyList<Circuit> Circuits,
    IReadOnlyList<IReadOnlyList<Faithfulness>> Results)
{
    /// <summary>Scores every run, selects the circuit of its first size, and measures all circuits on all of the data.</summary>
    public static CrossTaskStudy Run(IReadOnlyList<LoadedRun> runs, DeviceChoice choice, IProgress<RunProgress>? progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(runs);
        var scored = runs.Select(run => run.ScoreToSelect(choice, progress, cancellation)).ToArray();
        EdgeSelection[] selections = [.. runs.Zip(scored, (run, s) => run.Selection(s.Examples))];
        Circuit[] circuits = [.. runs.Select((run, i) => selections[i].Method(scored[i].Result.Scores, run.Specification.Sizes![0], run.Specification.Signed))];
        return new(runs, [.. scored.Select(s => s.Result)], selections, circuits, [.. runs.Select(run => run.Evaluate(circuits, choice, progress, cancellation))]);
    }
}
