namespace Faith.Engine.Models;

/// <summary>rope_type "llama3": wavelengths beyond OriginalContext/LowFrequencyFactor are stretched by Factor, those below OriginalContext/HighFrequencyFactor are kept, and those between are blended.</summary>
public sealed record Llama3Scaling(double Factor, double LowFrequencyFactor, double HighFrequencyFactor, int OriginalContext) : RotaryScaling
{
    /// <inheritdoc/>
    public override double Frequency(RotaryConfig rotary, int index, double unscaled, bool isLong)
    {
        var wavelength = 2 * Math.PI / unscaled;
        if (wavelength < OriginalContext / HighFrequencyFactor) return unscaled;
        if (wavelength > OriginalContext / LowFrequencyFactor) return unscaled / Factor;
        var blend = (OriginalContext / wavelength - LowFrequencyFactor) / (HighFrequencyFactor - LowFrequencyFactor);
        return (1 - blend) * unscaled / Factor + blend * unscaled;
    }
}
