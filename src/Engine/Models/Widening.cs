using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Faith.Engine.Models;

/// <summary>16-bit floats to float32. Both conversions are exact: float32 holds every half and every bfloat16.</summary>
internal static class Widening
{
    private const uint HalfInfinity = 0x7C00u << 13;
    private const uint SingleInfinity = 0x7F800000u;

    // Exponent bias 127 of a single less bias 15 of a half.
    private const float Rebias = 5.192296858534828e33f; // 2^112

    /// <summary>destination[i] = the bfloat16 source[i].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void BFloat16(ReadOnlySpan<ushort> source, Span<float> destination)
    {
        var bits = MemoryMarshal.Cast<float, uint>(destination[..source.Length]);
        var i = 0;
        for (; i <= source.Length - Vector<ushort>.Count; i += Vector<ushort>.Count)
        {
            Vector.Widen(new Vector<ushort>(source[i..]), out var low, out var high);
            (low << 16).CopyTo(bits[i..]);
            (high << 16).CopyTo(bits[(i + Vector<uint>.Count)..]);
        }
        for (; i < source.Length; i++) bits[i] = (uint)source[i] << 16;
    }

    /// <summary>destination[i] = the half source[i].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Half(ReadOnlySpan<ushort> source, Span<float> destination)
    {
        var bits = MemoryMarshal.Cast<float, uint>(destination[..source.Length]);
        var i = 0;
        for (; i <= source.Length - Vector<ushort>.Count; i += Vector<ushort>.Count)
        {
            Vector.Widen(new Vector<ushort>(source[i..]), out var low, out var high);
            Half(low).CopyTo(bits[i..]);
            Half(high).CopyTo(bits[(i + Vector<uint>.Count)..]);
        }
        for (; i < source.Length; i++)
        {
            bits[i] = BitConverter.SingleToUInt32Bits((float)BitConverter.UInt16BitsToHalf(source[i]));
        }
    }

    /// <summary>
    /// Exponent and fraction moved to their place in a single and rescaled by 2^112: exact, subnormal halves included, since they
    /// stand there as subnormal singles. Infinities and NaNs get the full exponent instead.
    /// </summary>
    private static Vector<uint> Half(Vector<uint> half)
    {
        var magnitude = (half & new Vector<uint>(0x7FFF)) << 13;
        var sign = (half & new Vector<uint>(0x8000)) << 16;
        var scaled = (magnitude.As<uint, float>() * Rebias).As<float, uint>();
        var special = Vector.GreaterThanOrEqual(magnitude, new Vector<uint>(HalfInfinity));
        return Vector.ConditionalSelect(special, magnitude | new Vector<uint>(SingleInfinity), scaled) | sign;
    }
}
