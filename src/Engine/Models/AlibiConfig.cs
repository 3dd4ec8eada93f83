using System.Numerics;

namespace Faith.Engine.Models;

/// <summary>
/// Linear biases of attention scores (Press et al. 2022, arXiv 2108.12409) as transformers computes them for Falcon: a head adds its slope times j to the product q·k with the
/// key at position j, before that is scaled. Slopes, positions and what they make are rounded to bfloat16, in which positions beyond 256 run together.
/// </summary>
/// <param name="Heads">H, on which the slopes depend.</param>
public sealed record AlibiConfig(int Heads)
{
    /// <summary>What a head adds to its products with the key at a position.</summary>
    public float Bias(int head, int position) => Round(Round((float)Slope(head)) * Round(position));

    // 2^(−8(h + 1)/n) of the n heads up to a power of two; of those beyond, every other slope that twice as many heads would have.
    private double Slope(int head)
    {
        var power = 1 << BitOperations.Log2((uint)Heads);
        return head < power ? Math.Pow(2, -8.0 * (head + 1) / power) : Math.Pow(2, -4.0 * (2 * (head - power) + 1) / power);
    }

    /// <summary>The nearest number of bfloat16, of two as near the even one.</summary>
    private static float Round(float x)
    {
        var bits = BitConverter.SingleToUInt32Bits(x);
        return BitConverter.UInt32BitsToSingle(bits + 0x7FFF + (bits >> 16 & 1) & 0xFFFF0000);
    }
}
