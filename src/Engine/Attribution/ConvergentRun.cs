using Faith.Engine.Ablations;
using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Passes;

namespace Faith.Engine.Attribution;

/// <summary>An attribution whose steps were doubled until they were enough.</summary>
/// <param name="Result">The last round's.</param>
/// <param name="Options">The last round's, with its steps.</param>
/// <param name="Rounds">All rounds.</param>
/// <param name="Converged">False when the most steps allowed were not enough.</param>
public sealed record ConvergentRun(AttributionResult Result, AttributionOptions Options, IReadOnlyList<ConvergenceRound> Rounds, bool Converged)
{
    /// <summary>Seconds of all rounds; those of <see cref="Result"/> are of the last.</summary>
    public double Seconds => Rounds.Sum(round => round.Seconds);

    private const int FirstSteps = 2, LeastEdges = 10, EdgesOfGraph = 20;

    /// <summary>
    /// Runs with 2, 4, 8, … steps until the completeness gap (method.md §4) is within the tolerance, where the method has one, and
    /// the set of the best edges by |score| is that of the round before but for the tolerance. Where the rule is nested — left, right,
    /// trapezoid — a round runs only the points that the one before did not have; the scores are those of all its points, to rounding.
    /// </summary>
    /// <exception cref="InputException">The method has no steps.</exception>
    public static ConvergentRun Run(TransformerSet models, IReadOnlyList<Example> data, AttributionOptions options, ConvergenceOptions convergence,
        IProgress<RunProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(models);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(convergence);
        ArgumentNullException.ThrowIfNull(data);
        if (AttributionMethods.Find(options.Method) is not PathMethod method || method.Rule(options) is null) throw new InputException($"{options.Method} has no steps to be found; give --method eap-ig");
        ArgumentOutOfRangeException.ThrowIfLessThan(convergence.MostSteps, 1);
        var edges = Math.Min(convergence.Edges ?? Math.Max(LeastEdges, models.Graph.Edges / EdgesOfGraph), models.Graph.Edges);
        var rounds = new List<ConvergenceRound>();
        Circuit? before = null;
        var (path, earlier) = (Array.Empty<PathPoint>(), (EarlierScores?)null);
        Attributor.Check(data, options);
        data = Counterfactuals.Apply(data, options.Ablation, options.AblationData);
        for (var steps = Math.Min(FirstSteps, convergence.MostSteps); ; steps = Math.Min(2 * steps, convergence.MostSteps))
        {
            var taken = options with { Steps = steps };
            var points = method.Path(taken, models.Graph);
            var added = earlier is null ? null : EarlierScores.Added(path, points);
            var isNested = EarlierScores.Added(points, method.Path(taken with { Steps = 2 * steps }, models.Graph)) is not null;
            if (added is null) earlier = isNested ? EarlierScores.Create(models.Graph, data.Count) : null;
            var result = PartedRun.Run(models, data, taken, (model, part, own, report, stop) => method.Run(model, part, own, added ?? points, earlier, report, stop), progress, cancellation);
            if (earlier is not null) result = result with { NeuronScores = earlier.AddTo(result.NeuronScores) };
            var best = CircuitSelection.Top(result.Scores, edges, signed: false, prune: false);
            var round = new ConvergenceRound(steps, (added ?? points).Length, result.CompletenessGap, before is null ? null : CircuitComparison.Edges(best, before).Jaccard, result.Seconds);
            rounds.Add(round);
            var converged = (round.CompletenessGap ?? 0) <= convergence.Tolerance && round.Jaccard >= 1 - convergence.Tolerance;
            if (converged || steps == convergence.MostSteps) return new(result, taken, rounds, converged);
            (before, path) = (best, points);
        }
    }
}
