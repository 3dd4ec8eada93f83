using Faith.Engine.Models;

namespace Faith.Engine.Tests.Oracle;

/// <summary>A rotation of the pairs of a head's columns, written after the modelling code of transformers.</summary>
/// <param name="Frequencies">The angle by which each pair turns from one position to the next.</param>
/// <param name="Amplitude">Factor of what has turned.</param>
/// <param name="Interleaved">Whether pair i is the columns 2i and 2i + 1; otherwise i and i + pairs.</param>
public sealed record LiteralRotary(double[] Frequencies, double Amplitude = 1, bool Interleaved = false)
{
    /// <summary>The rotation in a prompt of so many tokens.</summary>
    public static LiteralRotary Of(RotaryConfig rotary, int length) => new(FrequenciesOf(rotary, length), rotary.Scaling switch
    {
        YarnScaling yarn => yarn.AttentionFactor,
        LongRopeScaling longRope => longRope.AttentionFactor,
        _ => 1,
    }, rotary.Interleaved);

    /// <summary>The columns of a pair.</summary>
    public (int First, int Second) Pair(int i) => Interleaved ? (2 * i, 2 * i + 1) : (i, i + Frequencies.Length);

    /// <summary>The frequencies in a prompt of so many tokens.</summary>
    public static double[] FrequenciesOf(RotaryConfig rotary, int length)
    {
        var pairs = rotary.Dimensions / 2;
        double[] frequencies = [.. Enumerable.Range(0, pairs).Select(i => Math.Pow(rotary.Theta, -2.0 * i / rotary.Dimensions))];
        switch (rotary.Scaling)
        {
            case null:
                return frequencies;
            case LinearScaling linear:
                return Array.ConvertAll(frequencies, f => f / linear.Factor);
            case LongRopeScaling longRope:
                return [.. frequencies.Zip(length > longRope.OriginalContext ? longRope.Long : longRope.Short, (f, divisor) => f / divisor)];
            case Llama3Scaling llama3:
                return Array.ConvertAll(frequencies, f => Stretched(f, llama3));
            case YarnScaling yarn:
                return Ramped(rotary, frequencies, yarn);
            default:
                throw new NotSupportedException($"{rotary.Scaling}");
        }
    }

    private static double Stretched(double frequency, Llama3Scaling scaling)
    {
        var wavelength = 2 * Math.PI / frequency;
        var stretched = frequency / scaling.Factor;
        if (wavelength > scaling.OriginalContext / scaling.LowFrequencyFactor) return stretched;
        if (wavelength < scaling.OriginalContext / scaling.HighFrequencyFactor) return frequency;
        var kept = (scaling.OriginalContext / wavelength - scaling.LowFrequencyFactor) / (scaling.HighFrequencyFactor - scaling.LowFrequencyFactor);
        return (1 - kept) * stretched + kept * frequency;
    }

    private static double[] Ramped(RotaryConfig rotary, double[] frequencies, YarnScaling yarn)
    {
        double Correction(double rotations) =>
            rotary.Dimensions * Math.Log(yarn.OriginalContext / (rotations * 2 * Math.PI)) / (2 * Math.Log(rotary.Theta));
        var (low, high) = (Correction(yarn.BetaFast), Correction(yarn.BetaSlow));
        if (yarn.Truncate) (low, high) = (Math.Floor(low), Math.Ceiling(high));
        (low, high) = (Math.Max(low, 0), Math.Min(high, rotary.Dimensions - 1));
        if (low == high) high += 0.001;
        return [.. frequencies.Select((f, i) =>
        {
            var interpolated = Math.Max(0, Math.Min(1, (i - low) / (high - low)));
            return f / yarn.Factor * interpolated + f * (1 - interpolated);
        })];
    }
}
