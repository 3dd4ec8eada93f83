namespace Faith.Engine.Models;

/// <summary>The angular frequencies of a rotary embedding (Su et al. 2021; the stretching of Llama 3.1).</summary>
public static class RotaryFrequencies
{
    /// <summary>Radians per position of pair <paramref name="index"/>: θ^(−2·index/dimensions), stretched if the model says so.</summary>
    public static double Frequency(RotaryConfig rotary, int index)
    {
        ArgumentNullException.ThrowIfNull(rotary);
        var frequency = Math.Pow(rotary.Theta, -2.0 * index / rotary.Dimensions);
        if (rotary.Scaling is not { } s) return frequency;
        var wavelength = 2 * Math.PI / frequency;
        if (wavelength < s.OriginalContext / s.HighFrequencyFactor) return frequency;
        if (wavelength > s.OriginalContext / s.LowFrequencyFactor) return frequency / s.Factor;
        var blend = (s.OriginalContext / wavelength - s.LowFrequencyFactor) / (s.HighFrequencyFactor - s.LowFrequencyFactor);
        return (1 - blend) * frequency / s.Factor + blend * frequency;
    }
}
