using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Faith.Kernels.Host;

/// <summary>Numbers of 16 bits, two of which share 32 bits.</summary>
internal interface IHalfBits
{
    /// <summary>Those of the lower halves.</summary>
    static abstract Vector256<float> Low(Vector256<uint> pairs);

    /// <summary>Those of the upper halves.</summary>
    static abstract Vector256<float> High(Vector256<uint> pairs);
}

/// <summary>bfloat16: the upper half of a float32.</summary>
internal readonly struct BFloat16Bits : IHalfBits
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Low(Vector256<uint> pairs) => (pairs << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> High(Vector256<uint> pairs) => (pairs & Vector256.Create(0xFFFF0000u)).AsSingle();
}

/// <summary>
/// IEEE half precision: 5 bits of exponent with a bias of 15, 10 of mantissa. Moved to where float32 has them, they stand for a number 2¹¹² too
/// small, also where it is below the normal ones: exact to repair by a multiplication. The runtime has no instruction for this.
/// </summary>
internal readonly struct Float16Bits : IHalfBits
{
    const float Repair = 5.192296858534828e33f; // 2¹¹²
    const uint Exponent = 0x0F800000, SingleExponent = 0x7F800000;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Low(Vector256<uint> pairs) => High(pairs << 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> High(Vector256<uint> pairs)
    {
        var bits = (pairs.AsInt32() >> 3).AsUInt32() & Vector256.Create(0x8FFFE000u);
        // Infinity and what is not a number keep their exponent of ones.
        var special = Vector256.Equals(bits & Vector256.Create(Exponent), Vector256.Create(Exponent));
        return Vector256.ConditionalSelect(special, bits | Vector256.Create(SingleExponent), (bits.AsSingle() * Vector256.Create(Repair)).AsUInt32()).AsSingle();
    }

    /// <summary>The bits of a number that half precision holds exactly.</summary>
    public static ushort Narrow(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        var isSpecial = (bits & SingleExponent) == SingleExponent;
        var magnitude = isSpecial ? bits : BitConverter.SingleToUInt32Bits(value * (1 / Repair));
        return (ushort)(((bits >> 16) & 0x8000) | ((magnitude >> 13) & 0x7FFF));
    }
}
