namespace Faith.Engine.Masks;

/// <summary>
/// Gates of a hard concrete distribution (Louizos, Welling and Kingma 2018, arXiv 1712.01312, eqs. 10–12), as edge pruning takes them: z = min(1, max(0, 1.2·s − 0.1)),
/// s = sigmoid((ln u − ln(1 − u) + a)/β), β = 2/3, u uniform. They are wholly shut or wholly open with a chance above 0.
/// </summary>
internal static class HardConcrete
{
    private const double Low = -0.1, High = 1.1, Temperature = 2.0 / 3;
    // What ln u − ln(1 − u) is drawn from: beyond it every gate is at an end whatever its score.
    private const double Least = 1e-12;
    private static readonly double Shift = Temperature * Math.Log(-Low / High);

    /// <summary>A gate of score a at u from [0, 1), and its derivative by the score (0 at the ends).</summary>
    public static (double Gate, double Slope) At(double score, double u)
    {
        u = Math.Clamp(u, Least, 1 - Least);
        var s = Sigmoid((Math.Log(u) - Math.Log(1 - u) + score) / Temperature);
        return (Low + (High - Low) * s) switch
        {
            <= 0 => (0, 0),
            >= 1 => (1, 0),
            var z => (z, (High - Low) * s * (1 - s) / Temperature),
        };
    }

    /// <summary>The chance that a gate of a score is not shut, and its derivative by the score.</summary>
    public static (double Chance, double Slope) Open(double score)
    {
        var chance = Sigmoid(score - Shift);
        return (chance, chance * (1 - chance));
    }

    private static double Sigmoid(double x) => x >= 0 ? 1 / (1 + Math.Exp(-x)) : Math.Exp(x) / (1 + Math.Exp(x));
}
