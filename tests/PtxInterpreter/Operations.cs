using System.Numerics;
using System.Runtime.Intrinsics;

namespace Faith.PtxInterpreter;

// The operations that the table in Opcodes names.

internal struct Same<T> : IUnary<T> { public static Vector256<T> Apply(Vector256<T> a) => a; }
internal struct Negate<T> : IUnary<T> { public static Vector256<T> Apply(Vector256<T> a) => -a; }
internal struct Not<T> : IUnary<T> { public static Vector256<T> Apply(Vector256<T> a) => ~a; }
internal struct Absolute<T> : IUnary<T> { public static Vector256<T> Apply(Vector256<T> a) => Vector256.Abs(a); }
internal struct SquareRoot<T> : IUnary<T> { public static Vector256<T> Apply(Vector256<T> a) => Vector256.Sqrt(a); }
internal struct Reciprocal<T> : IUnary<T> { public static Vector256<T> Apply(Vector256<T> a) => Vector256<T>.One / a; }
internal struct IsNotANumber<T> : IUnary<T> { public static Vector256<T> Apply(Vector256<T> a) => ~Vector256.Equals(a, a); }
// What is finite gives nothing but zeros times zero.
internal struct IsFinite<T> : IUnary<T>
{
    public static Vector256<T> Apply(Vector256<T> a) => Vector256.Equals(a * Vector256<T>.Zero, Vector256<T>.Zero);
}

internal struct IsInfinite<T> : IUnary<T>
{
    public static Vector256<T> Apply(Vector256<T> a) => Vector256.Equals(a, a) & ~IsFinite<T>.Apply(a);
}

internal struct Add<T> : IBinary<T> { public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => a + b; }
internal struct Subtract<T> : IBinary<T> { public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => a - b; }
internal struct Multiply<T> : IBinary<T> { public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => a * b; }
internal struct Minimum<T> : IBinary<T> { public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => Vector256.Min(a, b); }
internal struct Maximum<T> : IBinary<T> { public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => Vector256.Max(a, b); }
internal struct And<T> : IBinary<T> { public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => a & b; }
internal struct Or<T> : IBinary<T> { public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => a | b; }
internal struct Xor<T> : IBinary<T> { public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => a ^ b; }
internal struct DivideFloat<T> : IBinary<T> { public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => a / b; }
internal struct MinimumNumber<T> : IBinary<T> { public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => Vector256.MinNumber(a, b); }
internal struct MaximumNumber<T> : IBinary<T> { public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => Vector256.MaxNumber(a, b); }
// The magnitude of the second with the sign of the first.
internal struct CopySign<T> : IBinary<T> { public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => Vector256.CopySign(b, a); }

internal struct Equal<T> : IBinary<T> { public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => Vector256.Equals(a, b); }
internal struct NotEqual<T> : IBinary<T> { public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => ~Vector256.Equals(a, b); }
internal struct Less<T> : IBinary<T>
{
    public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => Vector256.LessThan(a, b);
}

internal struct LessEqual<T> : IBinary<T>
{
    public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => Vector256.LessThanOrEqual(a, b);
}

internal struct Greater<T> : IBinary<T>
{
    public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => Vector256.GreaterThan(a, b);
}

internal struct GreaterEqual<T> : IBinary<T>
{
    public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => Vector256.GreaterThanOrEqual(a, b);
}

internal struct Negated<T, TOp> : IBinary<T> where TOp : IBinary<T>
{
    public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => ~TOp.Apply(a, b);
}

internal struct NotEqualOrdered<T> : IBinary<T>
{
    public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => Vector256.LessThan(a, b) | Vector256.GreaterThan(a, b);
}

internal struct EqualUnordered<T> : IBinary<T>
{
    public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => ~(Vector256.LessThan(a, b) | Vector256.GreaterThan(a, b));
}

internal struct MultiplyAdd<T> : ITernary<T>
{
    public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b, Vector256<T> c) => a * b + c;
}

internal struct FusedMultiplyAdd : ITernary<float>, ITernary<double>
{
    public static Vector256<float> Apply(Vector256<float> a, Vector256<float> b, Vector256<float> c) => Vector256.FusedMultiplyAdd(a, b, c);
    public static Vector256<double> Apply(Vector256<double> a, Vector256<double> b, Vector256<double> c) => Vector256.FusedMultiplyAdd(a, b, c);
}

internal struct ExtractBits : ITernary<uint>
{
    public static Vector256<uint> Apply(Vector256<uint> a, Vector256<uint> b, Vector256<uint> c)
    {
        var result = Vector256<uint>.Zero;
        for (var n = 0; n < Vector256<uint>.Count; n++)
        {
            uint first = b[n] & 0xff, count = c[n] & 0xff;
            result = result.WithElement(n, (uint)((first > 31 ? 0 : (ulong)a[n] >> (int)first) & ((1ul << (int)Math.Min(count, 32)) - 1)));
        }
        return result;
    }
}

internal struct ShiftLeft : IShift<uint>, IShift<ulong>
{
    public static Vector256<uint> Apply(Vector256<uint> a, int count) => a << count;
    public static Vector256<ulong> Apply(Vector256<ulong> a, int count) => a << count;
    public static uint Apply(uint a, uint count) => count > 31 ? 0 : a << (int)count;
    public static ulong Apply(ulong a, uint count) => count > 63 ? 0 : a << (int)count;
}

internal struct ShiftRight : IShift<uint>, IShift<ulong>, IShift<int>, IShift<long>
{
    public static Vector256<uint> Apply(Vector256<uint> a, int count) => a >> count;
    public static Vector256<ulong> Apply(Vector256<ulong> a, int count) => a >> count;
    public static Vector256<int> Apply(Vector256<int> a, int count) => a >> count;
    // There is no vector instruction for this one, and Vector256 shifts element by element.
    public static Vector256<long> Apply(Vector256<long> a, int count) => a >> count;
    public static uint Apply(uint a, uint count) => count > 31 ? 0 : a >> (int)count;
    public static ulong Apply(ulong a, uint count) => count > 63 ? 0 : a >> (int)count;
    public static int Apply(int a, uint count) => a >> (int)Math.Min(count, 31);
    public static long Apply(long a, uint count) => a >> (int)Math.Min(count, 63);
}

// Division by zero is undefined in PTX; here it is a failure like any other. The smallest number by -1 is itself, as on a GPU.
internal struct Divide : IScalar<int, int>, IScalar<uint, uint>, IScalar<long, long>, IScalar<ulong, ulong>
{
    public static int Apply(int a, int b) => b == -1 ? -a : a / b;
    public static uint Apply(uint a, uint b) => a / b;
    public static long Apply(long a, long b) => b == -1 ? -a : a / b;
    public static ulong Apply(ulong a, ulong b) => a / b;
}

internal struct Remainder : IScalar<int, int>, IScalar<uint, uint>, IScalar<long, long>, IScalar<ulong, ulong>
{
    public static int Apply(int a, int b) => b == -1 ? 0 : a % b;
    public static uint Apply(uint a, uint b) => a % b;
    public static long Apply(long a, long b) => b == -1 ? 0 : a % b;
    public static ulong Apply(ulong a, ulong b) => a % b;
}

internal struct CountBits : IScalar<uint, uint>, IScalar<ulong, uint>
{
    public static uint Apply(uint a, uint b) => (uint)BitOperations.PopCount(a);
    public static uint Apply(ulong a, ulong b) => (uint)BitOperations.PopCount(a);
}

internal struct LeadingZeros : IScalar<uint, uint>, IScalar<ulong, uint>
{
    public static uint Apply(uint a, uint b) => (uint)BitOperations.LeadingZeroCount(a);
    public static uint Apply(ulong a, ulong b) => (uint)BitOperations.LeadingZeroCount(a);
}

/// <summary>The lowest bits of a register as one integer type, made another.</summary>
internal struct Truncated<TFrom, TTo> : IScalar<uint, uint>, IScalar<uint, ulong>, IScalar<ulong, uint>, IScalar<ulong, ulong>
    where TFrom : IBinaryInteger<TFrom> where TTo : IBinaryInteger<TTo>
{
    static uint IScalar<uint, uint>.Apply(uint a, uint b) => uint.CreateTruncating(TTo.CreateTruncating(TFrom.CreateTruncating(a)));
    static ulong IScalar<uint, ulong>.Apply(uint a, uint b) => ulong.CreateTruncating(TTo.CreateTruncating(TFrom.CreateTruncating(a)));
    static uint IScalar<ulong, uint>.Apply(ulong a, ulong b) => uint.CreateTruncating(TTo.CreateTruncating(TFrom.CreateTruncating(a)));
    static ulong IScalar<ulong, ulong>.Apply(ulong a, ulong b) => ulong.CreateTruncating(TTo.CreateTruncating(TFrom.CreateTruncating(a)));
}

/// <summary>The lowest bits of a register as an integer, made a number.</summary>
internal struct FromInteger<TFrom, TTo> : IScalar<uint, TTo>, IScalar<ulong, TTo>
    where TFrom : IBinaryInteger<TFrom> where TTo : IFloatingPointIeee754<TTo>
{
    public static TTo Apply(uint a, uint b) => TTo.CreateTruncating(TFrom.CreateTruncating(a));
    public static TTo Apply(ulong a, ulong b) => TTo.CreateTruncating(TFrom.CreateTruncating(a));
}

/// <summary>A number made an integer: 0 where it is none, the largest or smallest one where it does not fit.</summary>
internal struct ToInteger<TFrom, TTo> : IScalar<TFrom, uint>, IScalar<TFrom, ulong>
    where TFrom : IFloatingPointIeee754<TFrom> where TTo : IBinaryInteger<TTo>
{
    static uint IScalar<TFrom, uint>.Apply(TFrom a, TFrom b) => uint.CreateTruncating(TTo.CreateSaturating(a));
    static ulong IScalar<TFrom, ulong>.Apply(TFrom a, TFrom b) => ulong.CreateTruncating(TTo.CreateSaturating(a));
}

internal struct Number<TFrom, TTo> : IScalar<TFrom, TTo> where TFrom : INumber<TFrom> where TTo : INumber<TTo>
{
    public static TTo Apply(TFrom a, TFrom b) => TTo.CreateTruncating(a);
}

internal struct HalfToFloat : IScalar<uint, float>
{
    public static float Apply(uint a, uint b) => (float)BitConverter.UInt16BitsToHalf((ushort)a);
}

internal struct FloatToHalf : IScalar<float, uint>
{
    public static uint Apply(float a, float b) => BitConverter.HalfToUInt16Bits((Half)a);
}

/// <summary>Two numbers rounded to bfloat16, the first in the upper half.</summary>
internal struct FloatsToBrains : IScalar<float, uint>
{
    public static uint Apply(float a, float b) => Brain(a) << 16 | Brain(b);

    private static uint Brain(float x)
    {
        var bits = BitConverter.SingleToUInt32Bits(x);
        return float.IsNaN(x) ? 0x7fffu : bits + 0x7fff + (bits >> 16 & 1) >> 16;
    }
}

internal struct Floor<T> : IScalar<T, T> where T : IFloatingPointIeee754<T> { public static T Apply(T a, T b) => T.Floor(a); }
internal struct Ceiling<T> : IScalar<T, T> where T : IFloatingPointIeee754<T> { public static T Apply(T a, T b) => T.Ceiling(a); }
internal struct TowardsZero<T> : IScalar<T, T> where T : IFloatingPointIeee754<T> { public static T Apply(T a, T b) => T.Truncate(a); }
internal struct Nearest<T> : IScalar<T, T> where T : IFloatingPointIeee754<T> { public static T Apply(T a, T b) => T.Round(a); }

internal struct Lower : IScalar<long, long>
{
    public static long Apply(long a, long b) => (int)a;
}

/// <summary>
/// 2^a as a GPU may give it: the PTX reference bounds the relative error by 2^-22, and hardware is somewhere within. Here the
/// result is off by nearly all of it, up or down by the last bit of a, so that the tests' tolerances hold for any GPU.
/// </summary>
internal struct ExponentialBase2<TSmall> : IScalar<float, float> where TSmall : ISmall
{
    public static float Apply(float a, float b)
    {
        if (a == 0 || !float.IsFinite(a))
            return a == 0 ? 1 : float.IsNegativeInfinity(a) ? 0 : a;
        var off = 0.9 / (1 << 22) * ((BitConverter.SingleToInt32Bits(a) & 1) == 0 ? 1 : -1);
        var result = (float)(Math.Exp(a * 0.69314718055994530942) * (1 + off));
        return TSmall.Flush && result < 1.17549435e-38f ? 0 : result;
    }
}

/// <summary>Whether results below the smallest normal number become 0 (.ftz).</summary>
internal interface ISmall { static abstract bool Flush { get; } }
internal struct Flushed : ISmall { public static bool Flush => true; }
internal struct Kept : ISmall { public static bool Flush => false; }
