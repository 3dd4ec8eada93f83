namespace Faith.Engine.Models;

/// <summary>
/// rope_type "longrope" (Ding et al. 2024, arXiv 2402.13753): every pair has a divisor of its frequency in prompts up to the original context, and another in
/// longer ones.
/// </summary>
/// <param name="Short">Divisors of the pairs.</param>
/// <param name="Long">The same in longer prompts.</param>
/// <param name="OriginalContext">The original context.</param>
/// <param name="AttentionFactor">Factor of all cosines and sines, in long prompts and short ones.</param>
public sealed record LongRopeScaling(IReadOnlyList<double> Short, IReadOnlyList<double> Long, int OriginalContext, double AttentionFactor) : RotaryScaling
{
    /// <inheritdoc/>
    public override double Amplitude => AttentionFactor;
    /// <inheritdoc/>
    public override int? LongBeyond => OriginalContext;

    /// <summary>The factor where a configuration gives none.</summary>
    public static double UsualAttentionFactor(double factor, int originalContext) => factor <= 1 ? 1 : Math.Sqrt(1 + Math.Log(factor) / Math.Log(originalContext));

    /// <inheritdoc/>
    public override double Frequency(RotaryConfig rotary, int index, double unscaled, bool isLong) => unscaled / (isLong ? Long : Short)[index];

    /// <inheritdoc/>
    public bool Equals(LongRopeScaling? other) => other is not null && (OriginalContext, AttentionFactor) == (other.OriginalContext, other.AttentionFactor)
        && Short.SequenceEqual(other.Short) && Long.SequenceEqual(other.Long);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(OriginalContext, AttentionFactor, Short.Count);
}
