using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Passes;

namespace Faith.Engine.Statistics;

/// <summary>
/// How much of a result would be the same with other examples of the same kind, and how much of it chance gives: bootstrap
/// intervals over the examples (Efron 1979), beside random circuits and circuits found with permuted labels.
/// </summary>
public sealed class StabilityStudy
{
    private readonly StabilityOptions options;
    private readonly ExampleScores scores;
    private readonly Bootstrap bootstrap;
    private readonly Circuit[] circuits;
    private readonly EdgeId[] shown;
    private readonly int[][] selected;
    private readonly double[][] overlaps;

    private StabilityStudy(ExampleScores scores, EdgeScores means, StabilityOptions options)
    {
        (this.options, this.scores) = (options, scores);
        bootstrap = new Bootstrap(scores.Examples, options.Resamples, options.Seed);
        circuits = [.. options.Sizes.Select(n => options.Select(means, n, options.Signed))];
        shown = [.. options.Select(means, options.Sizes.Max(), options.Signed, prune: false).Edges.OrderByDescending(e => Math.Abs(means[e]))];
        selected = [.. options.Sizes.Select(_ => new int[means.Values.Length])];
        overlaps = [.. options.Sizes.Select(_ => new double[options.Resamples])];
    }

    /// <summary>Scores, resamples and evaluates.</summary>
    /// <param name="models">The model.</param>
    /// <param name="data">The examples.</param>
    /// <param name="attribution">How edges are scored; its metric and ablation measure the circuits too.</param>
    /// <param name="options">What else to do.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="cancellation">Stops between resamples.</param>
    /// <exception cref="InputException">The method does not score example by example, a size is larger than the graph, or there is one example only.</exception>
    public static StabilityResult Run(TransformerSet models, IReadOnlyList<Example> data, AttributionOptions attribution, StabilityOptions options,
        IProgress<RunProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(models);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(attribution);
        ArgumentNullException.ThrowIfNull(options);
        if (data.Count < 2) throw new InputException("there is one example only; resampling needs several");
        if (options.Sizes.Count == 0) throw new InputException("no size of a circuit was given");
        var scores = new ExampleScores(models.Graph, data.Count);
        var result = Attributor.Run(models, data, attribution with { Sink = scores }, progress, cancellation);
        var study = new StabilityStudy(scores, result.Scores, options);
        study.Resample(progress, cancellation);

        var shuffled = LabelsEnter(attribution) ? study.Shuffled(models, data, attribution, progress, cancellation) : [];
        var random = study.Random();
        var all = new[] { study.circuits }.Concat(random).Concat(shuffled).SelectMany(c => c).ToArray();
        var evaluation = new EvaluationOptions
        {
            Metric = attribution.Metric, Ablation = attribution.Ablation, AblationData = attribution.AblationData, MemoryBytes = attribution.MemoryBytes,
        };
        var faithfulness = CircuitEvaluator.Evaluate(models, data, all, evaluation, progress, cancellation);
        return new(result, study.Edges(result.Scores, study.shown), study.Edges(result.Scores, study.NearMisses()), study.Sizes(all, faithfulness, random.Length, shuffled.Length));
    }

    /// <summary>The edges alone of a study: those of the largest size and near misses, with their intervals and how often resamples select them.</summary>
    /// <param name="scores">The scores of every example.</param>
    /// <param name="means">Their means.</param>
    /// <param name="options">Sizes, selection and resamples.</param>
    /// <param name="cancellation">Stops between resamples.</param>
    public static IReadOnlyList<EdgeStability> EdgesOf(ExampleScores scores, EdgeScores means, StabilityOptions options, CancellationToken cancellation = default)
    {
        var study = new StabilityStudy(scores, means, options);
        study.Resample(null, cancellation);
        return [.. study.Edges(means, study.shown), .. study.Edges(means, study.NearMisses())];
    }

    // Divergences compare with the clean run, information flow with nothing.
    private static bool LabelsEnter(AttributionOptions options) => !options.Metric.IsDivergence() && options.Method != "ifr";

    private void Resample(IProgress<RunProgress>? progress, CancellationToken cancellation)
    {
        for (var r = 0; r < bootstrap.Count; r++)
        {
            cancellation.ThrowIfCancellationRequested();
            var means = scores.Means(bootstrap[r]);
            for (var s = 0; s < circuits.Length; s++)
            {
                var found = options.Select(means, options.Sizes[s], options.Signed, prune: false);
                foreach (var edge in found.Edges) selected[s][edge]++;
                overlaps[s][r] = CircuitComparison.Edges(Pruning.Prune(found), circuits[s]).Jaccard;
            }
            progress?.Report(new RunProgress(r + 1, bootstrap.Count, "resamples"));
        }
    }

    // Each with as many edges as the pruned circuit has: a baseline of fewer would look worse than it is.
    private Circuit[][] Random() =>
        [.. Enumerable.Range(0, options.RandomCircuits).Select(i => circuits.Select(c => RandomCircuits.Sample(c.Graph, c.EdgeCount, options.Seed + (ulong)i)).ToArray())];

    private Circuit[][] Shuffled(TransformerSet models, IReadOnlyList<Example> data, AttributionOptions attribution, IProgress<RunProgress>? progress, CancellationToken cancellation)
    {
        var found = new Circuit[options.Shuffles][];
        for (var i = 0; i < found.Length; i++)
        {
            var result = Attributor.Run(models, ShuffledLabels.Of(data, options.Seed + (ulong)i), attribution, progress, cancellation);
            found[i] = [.. options.Sizes.Select(n => options.Select(result.Scores, n, options.Signed))];
        }
        return found;
    }

    private IEnumerable<EdgeId> NearMisses()
    {
        var largest = options.Sizes.Index().MaxBy(size => size.Item).Index;
        return scores.Edges.Except(shown)
            .Where(edge => selected.Any(counts => counts[edge] > 0 && counts[edge] >= StabilityResult.LeastShare * options.Resamples))
            .OrderByDescending(edge => selected[largest][edge]);
    }

    private EdgeStability[] Edges(EdgeScores means, IEnumerable<EdgeId> edges) =>
    [
        .. edges.Select(edge => new EdgeStability(edge, means[edge],
            Interval.Of(scores.Resampled(edge, bootstrap), options.Confidence),
            [.. selected.Select(counts => (double)counts[edge] / options.Resamples)])),
    ];

    // The evaluated circuits are sets of one circuit a size: the found ones, then the random, then the shuffled sets.
    private SizeStability[] Sizes(Circuit[] all, IReadOnlyList<Faithfulness> results, int random, int shuffled)
    {
        return [.. circuits.Select((circuit, s) => new SizeStability
        {
            Size = options.Sizes[s],
            Circuit = circuit,
            Jaccard = overlaps[s].Average(),
            JaccardInterval = Interval.Of(overlaps[s], options.Confidence),
            Faithfulness = results[s],
            FaithfulnessInterval = bootstrap.Faithfulness(results[s], options.Confidence),
            Random = Baseline(s, 1, random),
            Shuffled = Baseline(s, 1 + random, shuffled),
        })];

        BaselineStability? Baseline(int s, int first, int count)
        {
            if (count == 0) return null;
            var places = Enumerable.Range(first, count).Select(set => set * circuits.Length + s).ToArray();
            return new(places.Average(p => CircuitComparison.Edges(all[p], circuits[s]).Jaccard),
                places.Average(p => results[p].Normalised), places.Max(p => results[p].Normalised));
        }
    }
}
