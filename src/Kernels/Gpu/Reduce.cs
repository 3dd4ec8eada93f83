using ILGPU;
using ILGPU.IR.Intrinsics;

namespace Faith.Kernels.Gpu;

/// <summary>What a reduction does with two numbers.</summary>
internal interface IReduction
{
    static abstract float Neutral { get; }
    static abstract float Of(float a, float b);
}

/// <summary>A sum.</summary>
internal readonly struct Sum : IReduction
{
    public static float Neutral => 0;
    public static float Of(float a, float b) => a + b;
}

/// <summary>The largest number.</summary>
internal readonly struct Largest : IReduction
{
    public static float Neutral => float.NegativeInfinity;
    public static float Of(float a, float b) => Math.Max(a, b);
}

/// <summary>
/// Reductions whose order depends on the number of threads alone: a tree over 32 neighbouring lanes, then one group of 32 after the other. On
/// an NVIDIA GPU the lanes are a warp and exchange registers, elsewhere they exchange through shared memory: the same tree, the same
/// bits. All threads of a block call them together. Slots are shared memory for one float a thread.
/// </summary>
internal static class Reduce
{
    /// <summary>Over 32 neighbouring lanes; the same value in every lane.</summary>
    [IntrinsicImplementation]
    public static float OverLanes<T>(float x, ArrayView<float> slots) where T : struct, IReduction => OverShared<T>(x, slots);

    /// <summary>The same through shared memory.</summary>
    public static float OverShared<T>(float x, ArrayView<float> slots) where T : struct, IReduction
    {
        var t = Group.IdxX;
        for (var mask = 16; mask > 0; mask >>= 1)
        {
            slots[t] = x;
            Barrier.Wait();
            x = T.Of(x, slots[t ^ mask]);
            Barrier.Wait();
        }
        return x;
    }

    /// <summary>The same by shuffles of a warp, which <see cref="Exact.EnableExact"/> puts in its place for NVIDIA GPUs.</summary>
    public static float OverWarp<T>(float x, ArrayView<float> slots) where T : struct, IReduction
    {
        x = T.Of(x, Warp.ShuffleXor(x, 16));
        x = T.Of(x, Warp.ShuffleXor(x, 8));
        x = T.Of(x, Warp.ShuffleXor(x, 4));
        x = T.Of(x, Warp.ShuffleXor(x, 2));
        return T.Of(x, Warp.ShuffleXor(x, 1));
    }

    /// <summary>Over the block; the same value in every thread.</summary>
    public static float OverBlock<T>(float x, ArrayView<float> slots) where T : struct, IReduction
    {
        x = OverLanes<T>(x, slots);
        if ((Group.IdxX & 31) == 0) slots[Group.IdxX >> 5] = x;
        Barrier.Wait();
        var result = T.Neutral;
        for (var w = 0; w < Group.DimX >> 5; w++) result = T.Of(result, slots[w]);
        Barrier.Wait();
        return result;
    }
}
