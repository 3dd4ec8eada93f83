using Faith.Engine.Ablations;
using Faith.Engine.Attribution;
using Faith.Engine.Graphs;
using Faith.Engine.Models;
using Faith.Engine.ScoreFiles;

namespace Faith.Engine.Experiments;

/// <summary>Scores that mean nothing, and why.</summary>
public static class ScoreDoubt
{
    /// <summary>A path integral with a larger completeness gap than this missed more than it found.</summary>
    public const double LargestGap = 1;
    private const int FewestStrong = 10;

    private const string ZeroPath = "with --ablation zero the path starts at a residual stream of zeros, where RMSNorm (and LayerNorm) divides by √ε and gradients explode; "
        + "--ablation patching, mean or mean-positional has no such start";

    /// <summary>What speaks against the scores of a run; null: nothing.</summary>
    /// <param name="options">How it was run.</param>
    /// <param name="norm">The norm of the model.</param>
    /// <param name="graph">The model's graph.</param>
    /// <param name="gap">The completeness gap of the scores, or null.</param>
    public static string? Of(AttributionOptions options, NormKind norm, ModelGraph graph, double? gap)
    {
        ArgumentNullException.ThrowIfNull(options);
        var method = AttributionMethods.Find(options.Method);
        if (method.Rule(options) is not null && OfGap(gap, options.Ablation.Name()) is { } doubt) return doubt;
        var startsAtZero = options.Ablation == Ablation.Zero && norm == NormKind.RmsNorm && method.Path(options, graph) is { } path && path.Any(point => point.Alpha is 0);
        return startsAtZero ? $"the scores mean nothing: {ZeroPath}" : null;
    }

    /// <summary>What speaks against the scores of a file by the record of their run; null: nothing, or no record.</summary>
    public static string? Of(RunRecord? run) => run?.Steps is null ? null : OfGap(run.CompletenessGap, run.Ablation);

    /// <summary>
    /// What speaks against the signs of a file that does not say how it was made: of its strongest edges (the hundredth part of those that are not 0, at least
    /// <see cref="FewestStrong"/>) most are negative, by number and by size, as where another program scores what hinders with a plus. Null: nothing.
    /// </summary>
    public static string? OfSigns(ScoreFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        if (file.Run?.Method is not null || file.Scores is not { } scores) return null;
        double[] values = [.. file.Graph.AllEdges.Select(edge => scores[edge]).Where(score => score != 0)];
        if (values.Length < FewestStrong) return null;
        double[] strong = [.. values.OrderByDescending(Math.Abs).Take(Math.Max(FewestStrong, (values.Length + 99) / 100))];
        var negative = strong.Count(score => score < 0);
        return negative * 2 > strong.Length && strong.Sum() < 0
            ? $"{negative} of its {strong.Length} strongest edges have negative scores, so that its signs look reversed: here an edge with a positive score helps, and --signed would select those that hinder" : null;
    }

    private static string? OfGap(double? gap, string? ablation)
    {
        if (gap is not { } missed || !(missed > LargestGap)) return null;
        var why = ablation == Ablation.Zero.Name() ? ZeroPath : "more steps (--steps auto) may help";
        return $"the scores mean nothing, as the path integral missed more than it found (completeness gap {Figures.Percent(missed)}): {why}";
    }
}
