using System.Runtime.Intrinsics;
using Floats = System.Runtime.Intrinsics.Vector256<float>;

namespace Faith.PtxInterpreter;

// The operations that the table in Opcodes names.

internal struct Same<T> : IUnary<T> { public static Vector256<T> Apply(Vector256<T> a) => a; }
internal struct Negate<T> : IUnary<T> { public static Vector256<T> Apply(Vector256<T> a) => -a; }
internal struct Not<T> : IUnary<T> { public static Vector256<T> Apply(Vector256<T> a) => ~a; }
internal struct Absolute : IUnary<float> { public static Floats Apply(Floats a) => Vector256.Abs(a); }
internal struct Floor : IUnary<float> { public static Floats Apply(Floats a) => Vector256.Floor(a); }
internal struct SquareRoot : IUnary<float> { public static Floats Apply(Floats a) => Vector256.Sqrt(a); }
internal struct Reciprocal : IUnary<float> { public static Floats Apply(Floats a) => Floats.One / a; }

internal struct Add<T> : IBinary<T> { public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => a + b; }
internal struct Subtract<T> : IBinary<T> { public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => a - b; }
internal struct Multiply<T> : IBinary<T> { public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => a * b; }
internal struct Minimum<T> : IBinary<T> { public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => Vector256.Min(a, b); }
internal struct Maximum<T> : IBinary<T> { public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => Vector256.Max(a, b); }
internal struct And<T> : IBinary<T> { public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => a & b; }
internal struct Or<T> : IBinary<T> { public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => a | b; }
internal struct Xor<T> : IBinary<T> { public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => a ^ b; }
internal struct DivideFloat : IBinary<float> { public static Floats Apply(Floats a, Floats b) => a / b; }
internal struct MinimumNumber : IBinary<float> { public static Floats Apply(Floats a, Floats b) => Vector256.MinNumber(a, b); }
internal struct MaximumNumber : IBinary<float> { public static Floats Apply(Floats a, Floats b) => Vector256.MaxNumber(a, b); }

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

internal struct Negated<TOp> : IBinary<float> where TOp : IBinary<float>
{
    public static Floats Apply(Floats a, Floats b) => ~TOp.Apply(a, b);
}

internal struct NotEqualOrdered : IBinary<float>
{
    public static Floats Apply(Floats a, Floats b) => Vector256.LessThan(a, b) | Vector256.GreaterThan(a, b);
}

internal struct EqualUnordered : IBinary<float>
{
    public static Floats Apply(Floats a, Floats b) => ~(Vector256.LessThan(a, b) | Vector256.GreaterThan(a, b));
}

internal struct MultiplyAdd<T> : ITernary<T>
{
    public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b, Vector256<T> c) => a * b + c;
}

internal struct FusedMultiplyAdd : ITernary<float>
{
    public static Floats Apply(Floats a, Floats b, Floats c) => Vector256.FusedMultiplyAdd(a, b, c);
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

// Division by zero is undefined in PTX; here it is a failure like any other.
internal struct Divide : IScalar<int, int>, IScalar<uint, uint>
{
    public static int Apply(int a, int b) => a / b;
    public static uint Apply(uint a, uint b) => a / b;
}

internal struct Remainder : IScalar<int, int>, IScalar<uint, uint>
{
    public static int Apply(int a, int b) => a % b;
    public static uint Apply(uint a, uint b) => a % b;
}

internal struct Widen : IScalar<int, long>, IScalar<uint, ulong>, IScalar<ulong, uint>
{
    public static long Apply(int a, int b) => a;
    public static ulong Apply(uint a, uint b) => a;
    public static uint Apply(ulong a, ulong b) => (uint)a;
}

internal struct Lower : IScalar<long, long>
{
    public static long Apply(long a, long b) => (int)a;
}

internal struct ToFloat : IScalar<int, float>, IScalar<uint, float>
{
    public static float Apply(int a, int b) => a;
    public static float Apply(uint a, uint b) => a;
}

internal struct Truncate : IScalar<float, int>
{
    public static int Apply(float a, float b) =>
        float.IsNaN(a) ? 0 : a >= int.MaxValue ? int.MaxValue : a <= int.MinValue ? int.MinValue : (int)a;
}

/// <summary>
/// 2^a as a GPU may give it: the PTX reference bounds the relative error by 2^-22, and hardware is somewhere within. Here the
/// result is off by nearly all of it, up or down by the last bit of a, so that the tests' tolerances hold for any GPU.
/// </summary>
internal struct ExponentialBase2 : IScalar<float, float>
{
    public static float Apply(float a, float b)
    {
        if (a == 0 || !float.IsFinite(a))
            return a == 0 ? 1 : float.IsNegativeInfinity(a) ? 0 : a;
        var off = 0.9 / (1 << 22) * ((BitConverter.SingleToInt32Bits(a) & 1) == 0 ? 1 : -1);
        var result = (float)(Math.Exp(a * 0.69314718055994530942) * (1 + off));
        return result < 1.17549435e-38f ? 0 : result;
    }
}
