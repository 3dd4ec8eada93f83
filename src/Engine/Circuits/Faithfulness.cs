using Faith.Engine.Metrics;

namespace Faith.Engine.Circuits;

/// <summary>How much of a model's behaviour a circuit keeps (method.md §6), by example in the order of the data.</summary>
/// <param name="Circuit">The metric with everything outside the circuit corrupted.</param>
/// <param name="Clean">The metric of the full model on the clean prompt.</param>
/// <param name="Corrupted">The metric of the full model on the corrupted prompt (or fully ablated).</param>
public sealed record Faithfulness(double[] Circuit, double[] Clean, double[] Corrupted)
{
    // Rounding errors of a metric in float32: relative to its values, and of values near zero by what they are differences of.
    private const double RelativeNoise = 1e-5;

    /// <summary>What was measured.</summary>
    public MetricKind Metric { get; init; }

    /// <summary>Mean of <see cref="Circuit"/>.</summary>
    public double CircuitMean => Circuit.Average();
    /// <summary>Mean of <see cref="Clean"/>.</summary>
    public double CleanMean => Clean.Average();
    /// <summary>Mean of <see cref="Corrupted"/>.</summary>
    public double CorruptedMean => Corrupted.Average();

    /// <summary>
    /// (m(circuit) − m(corrupted)) / (m(full) − m(corrupted)) of the means: 0 for the empty circuit, 1 for the full one; NaN where it is
    /// not defined (<see cref="Undefined"/>).
    /// </summary>
    public double Normalised => Ratio(CircuitMean, CleanMean, CorruptedMean, Noise());

    /// <summary>
    /// 1 − <see cref="Normalised"/>, what is lost. Of a circuit's complement, which ablates the circuit and nothing else, it is how necessary the circuit is:
    /// (m(full) − m(complement)) / (m(full) − m(corrupted)), 0 for the empty circuit, 1 for the full one.
    /// </summary>
    public double Lost => 1 - Normalised;

    /// <summary>The normalised faithfulness of every example by itself; NaN where it is not defined.</summary>
    public double[] PerExample => NormalisedOf(Circuit, Clean, Corrupted);

    /// <summary>Why there is no normalised faithfulness; null where there is.</summary>
    public string? Undefined => WhyUndefined(CleanMean, CorruptedMean, Noise());

    /// <summary>The normalised faithfulness of other means of the same examples, as of resamples; NaN where they give none.</summary>
    internal double[] NormalisedOf(IReadOnlyList<double> circuit, IReadOnlyList<double> clean, IReadOnlyList<double> corrupted)
    {
        var noise = Noise();
        return [.. circuit.Select((mean, i) => Ratio(mean, clean[i], corrupted[i], noise))];
    }

    private double Ratio(double circuit, double clean, double corrupted, double noise) =>
        WhyUndefined(clean, corrupted, noise) is null ? Figures.WithoutMinusZero((circuit - corrupted) / (clean - corrupted)) : double.NaN;

    private double Noise() => Math.Max(RelativeNoise * Clean.Concat(Corrupted).Average(Math.Abs), AbsoluteNoise(Metric));

    private string? WhyUndefined(double clean, double corrupted, double noise)
    {
        // What the corruption takes away: of a divergence from the clean run, it is what it adds.
        var lost = Metric.IsDivergence() ? corrupted - clean : clean - corrupted;
        if (lost == 0) return "clean and corrupted do not differ";
        if (!(Math.Abs(lost) > noise)) return "clean and corrupted do not differ by more than rounding errors";
        return lost > 0 ? null : $"clean ({Figures.Fixed(clean)}) lies below corrupted ({Figures.Fixed(corrupted)}), so that there is no behaviour for a circuit to keep";
    }

    private static double AbsoluteNoise(MetricKind metric) => metric switch
    {
        MetricKind.LogitDifference or MetricKind.LogProbability => 1e-6,
        MetricKind.ProbabilityDifference => 1e-8,
        _ => 1e-12,
    };
}
