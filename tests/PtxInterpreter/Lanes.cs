using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Faith.PtxInterpreter;

/// <summary>An operation on a vector of lanes.</summary>
public interface IUnary<T>
{
    /// <summary>The result.</summary>
    static abstract Vector256<T> Apply(Vector256<T> a);
}

/// <summary>An operation on two vectors of lanes.</summary>
public interface IBinary<T>
{
    /// <summary>The result; for comparisons all bits set where they hold.</summary>
    static abstract Vector256<T> Apply(Vector256<T> a, Vector256<T> b);
}

/// <summary>An operation on three vectors of lanes.</summary>
public interface ITernary<T>
{
    /// <summary>The result.</summary>
    static abstract Vector256<T> Apply(Vector256<T> a, Vector256<T> b, Vector256<T> c);
}

/// <summary>An operation on one lane, for what vectors cannot do or what changes the width.</summary>
public interface IScalar<TIn, TOut>
{
    /// <summary>The result.</summary>
    static abstract TOut Apply(TIn a, TIn b);
}

/// <summary>The loops over the 32 lanes of a warp. Lanes that are not active keep their value.</summary>
public static unsafe class Lanes
{
    /// <summary>d = op(a).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Unary<T, TOp>(Instruction i, Warp w) where T : unmanaged where TOp : IUnary<T>
    {
        T* d = (T*)(w.Registers + i.D), a = (T*)(w.Registers + i.A);
        for (var n = 0; n < Warp.Lanes; n += Vector256<T>.Count)
            Keep(w, d, n, TOp.Apply(Vector256.Load(a + n)));
    }

    /// <summary>d = op(a, b).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Binary<T, TOp>(Instruction i, Warp w) where T : unmanaged where TOp : IBinary<T>
    {
        T* d = (T*)(w.Registers + i.D), a = (T*)(w.Registers + i.A), b = (T*)(w.Registers + i.B);
        for (var n = 0; n < Warp.Lanes; n += Vector256<T>.Count)
            Keep(w, d, n, TOp.Apply(Vector256.Load(a + n), Vector256.Load(b + n)));
    }

    /// <summary>d = op(a, b, c).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Ternary<T, TOp>(Instruction i, Warp w) where T : unmanaged where TOp : ITernary<T>
    {
        T* d = (T*)(w.Registers + i.D), a = (T*)(w.Registers + i.A), b = (T*)(w.Registers + i.B), c = (T*)(w.Registers + i.C);
        for (var n = 0; n < Warp.Lanes; n += Vector256<T>.Count)
            Keep(w, d, n, TOp.Apply(Vector256.Load(a + n), Vector256.Load(b + n), Vector256.Load(c + n)));
    }

    /// <summary>Predicate d = op(a, b).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Compare<T, TOp>(Instruction i, Warp w) where T : unmanaged where TOp : IBinary<T>
    {
        T* a = (T*)(w.Registers + i.A), b = (T*)(w.Registers + i.B);
        var bits = 0u;
        for (var n = 0; n < Warp.Lanes; n += Vector256<T>.Count)
            bits |= TOp.Apply(Vector256.Load(a + n), Vector256.Load(b + n)).ExtractMostSignificantBits() << n;
        w.SetPredicate(i.D, bits);
    }

    /// <summary>Predicate d = op(a).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Test<T, TOp>(Instruction i, Warp w) where T : unmanaged where TOp : IUnary<T>
    {
        var a = (T*)(w.Registers + i.A);
        var bits = 0u;
        for (var n = 0; n < Warp.Lanes; n += Vector256<T>.Count)
            bits |= TOp.Apply(Vector256.Load(a + n)).ExtractMostSignificantBits() << n;
        w.SetPredicate(i.D, bits);
    }

    /// <summary>d = op(a, b) lane by lane; b is ignored by operations of one operand.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Scalar<TIn, TOut, TOp>(Instruction i, Warp w)
        where TIn : unmanaged where TOut : unmanaged where TOp : IScalar<TIn, TOut>
    {
        var d = (TOut*)(w.Registers + i.D);
        TIn* a = (TIn*)(w.Registers + i.A), b = (TIn*)(w.Registers + i.B);
        for (var active = w.Mask; active != 0; active &= active - 1)
        {
            var n = BitOperations.TrailingZeroCount(active);
            d[n] = TOp.Apply(a[n], b[n]);
        }
    }

    /// <summary>d = op(a, b) where b is a 32-bit shift count.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Shift<T, TOp>(Instruction i, Warp w) where T : unmanaged where TOp : IShift<T>
    {
        T* d = (T*)(w.Registers + i.D), a = (T*)(w.Registers + i.A);
        if (i.Shift >= 0 && i.Shift < 8 * sizeof(T))
        {
            for (var n = 0; n < Warp.Lanes; n += Vector256<T>.Count)
                Keep(w, d, n, TOp.Apply(Vector256.Load(a + n), i.Shift));
            return;
        }
        var b = (uint*)(w.Registers + i.B);
        for (var active = w.Mask; active != 0; active &= active - 1)
        {
            var n = BitOperations.TrailingZeroCount(active);
            d[n] = TOp.Apply(a[n], b[n]);
        }
    }

    /// <summary>
    /// The same to the right with the sign. ILGPU makes this of a division by a power of two, whose result it is not where a is negative; kernels have no other use for it,
    /// so a negative a is a fault.
    /// </summary>
    public static void ShiftSigned<T, TOp>(Instruction i, Warp w) where T : unmanaged, ISignedNumber<T>, IComparisonOperators<T, T, bool> where TOp : IShift<T>
    {
        var a = (T*)(w.Registers + i.A);
        for (var active = w.Mask; active != 0; active &= active - 1)
        {
            var n = BitOperations.TrailingZeroCount(active);
            if (a[n] < T.Zero)
                throw w.Failure(i, $"thread {w.FirstThread + n}: {a[n]} is shifted to the right, which is no division by a power of two");
        }
        Shift<T, TOp>(i, w);
    }

    /// <summary>d = a·b + c with 32-bit factors and a 64-bit sum, or a·b where c is the constant 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void MultiplyWide(Instruction i, Warp w, bool signed, bool add)
    {
        var d = (ulong*)(w.Registers + i.D);
        uint* a = (uint*)(w.Registers + i.A), b = (uint*)(w.Registers + i.B);
        var c = (ulong*)(w.Registers + i.C);
        for (var active = w.Mask; active != 0; active &= active - 1)
        {
            var n = BitOperations.TrailingZeroCount(active);
            var product = signed ? (ulong)((long)(int)a[n] * (int)b[n]) : (ulong)a[n] * b[n];
            d[n] = add ? product + c[n] : product;
        }
    }

    /// <summary>d = c ? a : b.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Select<T>(Instruction i, Warp w) where T : unmanaged
    {
        T* d = (T*)(w.Registers + i.D), a = (T*)(w.Registers + i.A), b = (T*)(w.Registers + i.B);
        var condition = w.Predicates[i.C];
        for (var active = w.Mask; active != 0; active &= active - 1)
        {
            var n = BitOperations.TrailingZeroCount(active);
            d[n] = (condition >> n & 1) != 0 ? a[n] : b[n];
        }
    }

    /// <summary>Every lane gets what another one holds in a; one that would look past the end of the warp gets its own.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Shuffle(Instruction i, Warp w, ShuffleKind kind)
    {
        uint* d = (uint*)(w.Registers + i.D), a = (uint*)(w.Registers + i.A), b = (uint*)(w.Registers + i.B);
        var result = stackalloc uint[Warp.Lanes];
        for (var n = 0; n < Warp.Lanes; n++)
        {
            var by = (int)b[n] & 31;
            var from = kind switch { ShuffleKind.Idx => by, ShuffleKind.Bfly => n ^ by, ShuffleKind.Down => n + by, _ => n - by };
            result[n] = a[from is < 0 or >= Warp.Lanes ? n : from];
        }
        new ReadOnlySpan<uint>(result, Warp.Lanes).CopyTo(new(d, Warp.Lanes));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Keep<T>(Warp w, T* d, int n, Vector256<T> value) where T : unmanaged
    {
        if (w.Mask != uint.MaxValue)
            value = Vector256.ConditionalSelect(w.LaneMask<T>(n), value, Vector256.Load(d + n));
        value.Store(d + n);
    }
}

/// <summary>A shift of vectors by one count, and of one lane by its own.</summary>
public interface IShift<T>
{
    /// <summary>The result for a count below the width.</summary>
    static abstract Vector256<T> Apply(Vector256<T> a, int count);
    /// <summary>The result for any count: larger ones than the width shift everything out.</summary>
    static abstract T Apply(T a, uint count);
}

/// <summary>Which lane one gets its value from.</summary>
public enum ShuffleKind
{
    /// <summary>The lane b.</summary>
    Idx,
    /// <summary>Its own number ^ b.</summary>
    Bfly,
    /// <summary>Its own number + b.</summary>
    Down,
    /// <summary>Its own number - b.</summary>
    Up,
}
