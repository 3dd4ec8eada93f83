namespace Faith.Engine.Circuits;

/// <summary>
/// One number for a curve of faithfulness f over the fraction of edges (or nodes, or neurons) selected, as in the MIB benchmark (Mueller et al. 2025).
/// CPR, the circuit performance ratio, is the area under f: how well the best edges do the task. CMD, the circuit-model
/// distance, is the area between f and 1: how closely the circuits behave like the model; 0 is perfect.
/// </summary>
/// <param name="Cpr">∫ f, larger is better.</param>
/// <param name="Cmd">∫ |1 − f|, smaller is better.</param>
public readonly record struct CurveAreas(double Cpr, double Cmd)
{
    /// <summary>The benchmark's fractions of edges.</summary>
    public static IReadOnlyList<double> MibFractions { get; } = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1];

    /// <summary>The number that a fraction of some edges, nodes or neurons stands for: rounded down.</summary>
    public static int CountOf(int most, double fraction) => fraction is >= 0 and <= 1
        ? (int)(most * fraction)
        : throw new ArgumentOutOfRangeException(nameof(fraction), fraction, "a fraction is from 0 to 1");

    /// <summary>
    /// acc-AUC: the share of examples whose metric is above 0, by the trapezoid rule over ln(fraction), divided by the width of that axis: overshoot earns
    /// nothing here.
    /// </summary>
    /// <param name="fractions">Two or more, ascending, positive.</param>
    /// <param name="shares">The share at each fraction.</param>
    public static double AccuracyOf(IReadOnlyList<double> fractions, IReadOnlyList<double> shares)
    {
        ArgumentNullException.ThrowIfNull(fractions);
        if (fractions.Count < 2) throw new ArgumentException("an axis takes two fractions or more", nameof(fractions));
        return Under(fractions, shares, logarithmic: true).Cpr / (Math.Log(fractions[^1]) - Math.Log(fractions[0]));
    }

    /// <summary>
    /// Both areas by the trapezoid rule between the first and the last fraction, over the fraction itself or over its natural
    /// logarithm (which gives the small circuits their weight). Over the fraction the benchmark's axis is 0.999 wide, over the
    /// logarithm 6.9: a curve that is 1 throughout has that as its CPR.
    /// </summary>
    /// <param name="fractions">Ascending, positive on a logarithmic axis.</param>
    /// <param name="faithfulness">f at each fraction.</param>
    /// <param name="logarithmic">Integrate over ln(fraction).</param>
    public static CurveAreas Under(IReadOnlyList<double> fractions, IReadOnlyList<double> faithfulness, bool logarithmic = false)
    {
        if (fractions.Count != faithfulness.Count)
        {
            throw new ArgumentException($"{faithfulness.Count} values for {fractions.Count} fractions", nameof(faithfulness));
        }
        double cpr = 0, cmd = 0;
        for (var i = 1; i < fractions.Count; i++)
        {
            double from = fractions[i - 1], to = fractions[i];
            if (!(to > from) || (logarithmic && !(from > 0)))
            {
                throw new ArgumentException("fractions must ascend, from above 0 on a logarithmic axis", nameof(fractions));
            }
            var width = logarithmic ? Math.Log(to) - Math.Log(from) : to - from;
            cpr += width * (faithfulness[i - 1] + faithfulness[i]) / 2;
            cmd += width * (Math.Abs(1 - faithfulness[i - 1]) + Math.Abs(1 - faithfulness[i])) / 2;
        }
        return new(cpr, cmd);
    }
}
