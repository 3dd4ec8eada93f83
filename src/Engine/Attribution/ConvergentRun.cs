using Faith.Engine.Ablations;
using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Passes;

namespace Faith.Engine.Attribution;

/// <summary>An attribution whose steps were doubled until they were enough.</summary>
/// <param name="Result">The last round's.</param>
/// <param name="Options">The last round's, with its steps.</param>
/// <param name="Rounds">All rounds.</param>
/// <param name="Converged">False when the most steps allowed were not enough.</param>
public sealed record ConvergentRun(AttributionResult Result, AttributionOptions Options, IReadOnlyList<ConvergenceRound> Rounds, bool Converged)
{
    /// <summary>Seconds of all rounds and of the run that tells positions apart; those of <see cref="Result"/> are of the last.</summary>
    public double Seconds => Rounds.Sum(round => round.Seconds) + (Result.Spans is null ? 0 : Result.Seconds);

    private const int FirstSteps = 2, LeastBest = 10, ShareOfBest = 20;

    /// <summary>
    /// Runs with 2, 4, 8, … steps until the completeness gap (method.md §4) is within the tolerance, where the method has one, and
    /// the set of the best edges by |score|, and at their levels of the best nodes and neurons, is that of the round before but for the tolerance. Where the rule is nested — left, right,
    /// trapezoid — a round runs only the points that the one before did not have; the scores are those of all its points, to rounding. Where positions are told apart, steps are found over whole
    /// prompts, and a last run with as many tells them apart.
    /// </summary>
    /// <exception cref="InputException">The method has no steps.</exception>
    public static ConvergentRun Run(TransformerSet models, IReadOnlyList<Example> data, AttributionOptions options, ConvergenceOptions convergence,
        IProgress<RunProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(models);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(convergence);
        ArgumentNullException.ThrowIfNull(data);
        if (AttributionMethods.Find(options.Method) is not PathMethod method || method.DefaultSteps is null) throw new InputException($"{options.Method} has no steps to be found; give --method eap-ig");
        ArgumentOutOfRangeException.ThrowIfLessThan(convergence.MostSteps, 1);
        Attributor.Check(data, options);
        if (options.Positions is { } positions)
        {
            var found = Run(models, data, options with { Positions = null }, convergence, progress, cancellation);
            var last = found.Options with { Positions = positions };
            return found with { Result = Attributor.Run(models, data, last, progress, cancellation), Options = last };
        }
        var rounds = new List<ConvergenceRound>();
        List<HashSet<int>>? before = null;
        var (path, earlier) = (Array.Empty<PathPoint>(), (PreviousRoundScores?)null);
        data = Counterfactuals.Apply(data, options.Ablation, options.AblationData);
        for (var steps = Math.Min(FirstSteps, convergence.MostSteps); ; steps = Math.Min(2 * steps, convergence.MostSteps))
        {
            var taken = options with { Steps = steps };
            var points = method.Path(taken, models.Graph);
            var added = earlier is null ? null : PreviousRoundScores.Added(path, points);
            var isNested = PreviousRoundScores.Added(points, method.Path(taken with { Steps = 2 * steps }, models.Graph)) is not null;
            if (added is null) earlier = isNested ? PreviousRoundScores.Create(models.Graph, data.Count) : null;
            var result = MultiDeviceRun.Run(models, data, taken, (model, part, own, report, stop) => method.Run(model, part, own, added ?? points, earlier, report, stop), progress, cancellation);
            if (earlier is not null) result = result with { NeuronScores = earlier.AddTo(result.NeuronScores) };
            var best = Best(result, convergence.Edges);
            var round = new ConvergenceRound(steps, (added ?? points).Length, result.CompletenessGap, before is null ? null : best.Zip(before, Jaccard).Min(), result.Seconds);
            rounds.Add(round);
            var converged = (round.CompletenessGap ?? 0) <= convergence.Tolerance && round.Jaccard >= 1 - convergence.Tolerance;
            if (converged || steps == convergence.MostSteps) return new(result, taken, rounds, converged);
            (before, path) = (best, points);
        }
    }

    /// <summary>The best of everything that was scored: edges, then nodes and neurons at their levels.</summary>
    private static List<HashSet<int>> Best(AttributionResult result, int? edges)
    {
        var all = new List<HashSet<int>> { CircuitSelection.Top(result.Scores, Count(result.Scores.Graph.Edges, edges), signed: false, prune: false).Edges.Select(edge => edge.Index).ToHashSet() };
        foreach (var scores in (double[]?[])[result.NodeScores, result.NeuronScores])
        {
            if (scores is not null) all.Add([.. Enumerable.Range(0, scores.Length).OrderByDescending(i => Math.Abs(scores[i])).Take(Count(scores.Length, null))]);
        }
        return all;

        static int Count(int scored, int? asked) => Math.Min(asked ?? Math.Max(LeastBest, scored / ShareOfBest), scored);
    }

    private static double Jaccard(HashSet<int> a, HashSet<int> b) => new Overlap(a.Count, b.Count, a.Count(b.Contains)).Jaccard;
}
