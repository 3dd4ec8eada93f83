namespace Faith.Engine.Models;

/// <summary>
/// rope_type "yarn" (Peng et al. 2023, arXiv 2309.00071), as transformers computes it: pairs that turn more than <paramref name="BetaFast"/> times in the
/// original context are kept, those that turn less than <paramref name="BetaSlow"/> times are stretched by <paramref name="Factor"/>, and those between are
/// blended by their number.
/// </summary>
/// <param name="Factor">How many times longer the context became.</param>
/// <param name="OriginalContext">The context before that.</param>
/// <param name="BetaFast">Turns.</param>
/// <param name="BetaSlow">Turns.</param>
/// <param name="AttentionFactor">Factor of all cosines and sines.</param>
/// <param name="Truncate">Whether the ends of the blend are whole numbers.</param>
public sealed record YarnScaling(double Factor, int OriginalContext, double BetaFast, double BetaSlow, double AttentionFactor, bool Truncate) : RotaryScaling
{
    /// <inheritdoc/>
    public override double Amplitude => AttentionFactor;

    /// <summary>The factor where a configuration gives none: 0.1·ln(factor) + 1, with the logarithm times <paramref name="scale"/>.</summary>
    public static double UsualAttentionFactor(double factor, double scale = 1) => factor <= 1 ? 1 : 0.1 * scale * Math.Log(factor) + 1;

    /// <inheritdoc/>
    public override double Frequency(RotaryConfig rotary, int index, double unscaled, bool isLong)
    {
        ArgumentNullException.ThrowIfNull(rotary);
        double first = PairOf(rotary, BetaFast), last = PairOf(rotary, BetaSlow);
        if (Truncate) (first, last) = (Math.Floor(first), Math.Ceiling(last));
        (first, last) = (Math.Max(first, 0), Math.Min(last, rotary.Dimensions - 1));
        if (first == last) last += 0.001;
        var stretched = Math.Clamp((index - first) / (last - first), 0, 1);
        return unscaled / Factor * stretched + unscaled * (1 - stretched);
    }

    /// <summary>The pair, not always a whole number, that turns so many times in the original context.</summary>
    private double PairOf(RotaryConfig rotary, double turns) =>
        rotary.Dimensions * Math.Log(OriginalContext / (turns * 2 * Math.PI)) / (2 * Math.Log(rotary.Theta));
}
