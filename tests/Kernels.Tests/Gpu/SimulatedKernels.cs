using ILGPU;
using ILGPU.Runtime;

namespace Faith.Kernels.Tests.Gpu;

/// <summary>Kernels of a few lines.</summary>
public static class SimulatedKernels
{
    public struct Four
    {
        public float X, Y, Z, W;
    }

    public static void Scale(Index1D i, ArrayView<float> x, ArrayView<float> y, float by) => y[i] = x[i] * by;

    public static void Reverse(ArrayView<Four> x, ArrayView<float> sums)
    {
        var fours = SharedMemory.Allocate<Four>(64);
        var neighbours = SharedMemory.GetDynamic<float>();
        int t = Group.IdxX, i = Grid.IdxX * Group.DimX + t;
        fours[t] = x[i];
        neighbours[t] = Warp.ShuffleXor(x[i].X, 1);
        Group.Barrier();
        var four = fours[Group.DimX - 1 - t];
        sums[i] = four.X + four.Y + four.Z + four.W + neighbours[Group.DimX - 1 - t];
    }

    public static void NoBarrier(ArrayView<float> x)
    {
        var values = SharedMemory.Allocate<float>(64);
        values[Group.IdxX] = x[Group.IdxX];
        x[Group.IdxX] = values[63 - Group.IdxX];
    }

    public static void AddAtomically(ArrayView<int> x) => Atomic.Add(ref x[0], 1);

    public static void Arithmetic(ArrayView<int> x, ArrayView<long> y)
    {
        for (var which = 0; which < 8; which++)
            y[8 * Group.IdxX + which] = Calculate(which, x[Group.IdxX]);
    }

    /// <summary>Calculations that use most of the instructions that ILGPU makes of integers and numbers.</summary>
    /// <remarks>Negative numbers are not shifted to the right, which the interpreter refuses. A product with one constant after another is none of them: ILGPU multiplies the constants first, which rounds otherwise.</remarks>
    public static long Calculate(int which, int a)
    {
        var u = (uint)a;
        long l = a * 4_294_967_311L;
        var f = a * 1e-6f;
        switch (which)
        {
            case 0: return (Math.Max(a, -a) / 3 % 7) ^ (Math.Max(a, -a) >> 3) | ((a << 2) & ~5);
            case 1: return u / 3 + u % 5 + (u >> 4) * 17 + Math.Min(u, 9u) + (u < 0x8000_0000 ? 1u : 2u);
            case 2: return Math.Min(l, l / 7) % 1013 ^ (Math.Max(l, -l) >> 9) | ((l << 3) & ~9L);
            case 3: return (long)((ulong)l / 11 + (ulong)l % 13 + ((ulong)l >> 7) + ((ulong)l >= 1ul << 63 ? 5ul : 6ul));
            case 4: return (sbyte)a + (byte)a + (short)a + (ushort)a + (long)(sbyte)(u >> 8) * (ushort)(u >> 5);
            case 5: return (int)Interop.FloatAsInt(MathF.Sqrt(MathF.Abs(f)) / 3 - MathF.Max(f, 2) * MathF.Min(f, -1) + MathF.Floor(f) + (float)l);
            case 6: return (int)f + (long)(f / 7) + (float.IsNaN(f) ? 1 : 0) + (f > 3 && !(f < 40) ? 100 : 1000) + (uint)MathF.Abs(f);
            default: return (long)((a * 0.1 + Math.Sqrt(Math.Abs((double)a)) / 3 - f) * 1000);
        }
    }
}
