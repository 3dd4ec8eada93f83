namespace Faith.Engine.Models;

/// <summary>rope_type "linear": positions are divided by <paramref name="Factor"/> (Chen et al. 2023, arXiv 2306.15595).</summary>
public sealed record LinearScaling(double Factor) : RotaryScaling
{
    /// <inheritdoc/>
    public override double Frequency(RotaryConfig rotary, int index, double unscaled, bool isLong) => unscaled / Factor;
}
