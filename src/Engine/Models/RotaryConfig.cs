namespace Faith.Engine.Models;

/// <summary>Rotary position embedding (Su et al. 2021, arXiv 2104.09864): of every head the first <paramref name="Dimensions"/> columns turn, in pairs.</summary>
/// <param name="Theta">Base of the frequencies.</param>
/// <param name="Dimensions">Columns of a head that turn; even.</param>
public sealed record RotaryConfig(double Theta, int Dimensions)
{
    /// <summary>True where neighbouring columns are a pair (GPT-J), false where a pair is a column of the first half and its partner in the second.</summary>
    public bool Interleaved { get; init; }
    /// <summary>How the angles are changed for longer contexts, or null.</summary>
    public RotaryScaling? Scaling { get; init; }

    /// <summary>Radians per position of pair <paramref name="index"/>: θ^(−2·index/dimensions), or what the scaling makes of it.</summary>
    /// <param name="isLong">Whether the prompt is longer than <see cref="RotaryScaling.LongBeyond"/>.</param>
    public double Frequency(int index, bool isLong)
    {
        var unscaled = Math.Pow(Theta, -2.0 * index / Dimensions);
        return Scaling?.Frequency(this, index, unscaled, isLong) ?? unscaled;
    }

    /// <summary>Factor of all cosines and sines.</summary>
    public double Amplitude => Scaling?.Amplitude ?? 1;
}

/// <summary>A change of rotary angles by which a model reads longer contexts than those it was first trained on.</summary>
public abstract record RotaryScaling
{
    /// <summary>Radians per position of a pair.</summary>
    /// <param name="rotary">The embedding.</param>
    /// <param name="index">The pair.</param>
    /// <param name="unscaled">What it would be without scaling.</param>
    /// <param name="isLong">Whether the prompt is longer than <see cref="LongBeyond"/>.</param>
    public abstract double Frequency(RotaryConfig rotary, int index, double unscaled, bool isLong);

    /// <summary>Factor of all cosines and sines.</summary>
    public virtual double Amplitude => 1;

    /// <summary>Tokens beyond which a prompt has other angles at all its positions, or null where length makes no difference.</summary>
    public virtual int? LongBeyond => null;
}
