using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Faith.Kernels.Host;

/// <summary>What the machine can do at most, measured: the yardstick of the benchmarks.</summary>
public static unsafe class PeakProbe
{
    const int Rounds = 25;

    /// <summary>Fused multiply-adds on registers alone, in 10⁹ floating-point operations a second; the best of many slices of about a millisecond.</summary>
    public static double MeasureGflops(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        const int Slices = 4, Iterations = 40_000;
        using var pool = new WorkerPool(threads);
        var best = double.MaxValue;
        for (var round = 0; round < Rounds; round++)
        {
            var start = Stopwatch.GetTimestamp();
            pool.For(threads * Slices, 1, 0, static (in int _, int from, int to, int _) =>
            {
                for (var i = from; i < to; i++) Burn(Iterations);
            });
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        return 2.0 * 12 * Lanes * Iterations * threads * Slices / best / 1e9;
    }

    static int Lanes => HostDevice.Widest switch { SimdWidth.V512 => 16, SimdWidth.V256 => 8, _ => 4 };

    static void Burn(int iterations)
    {
        switch (HostDevice.Widest)
        {
            case SimdWidth.V512: Burn<Lanes512>(iterations); break;
            case SimdWidth.V256: Burn<Lanes256>(iterations); break;
            default: Burn<Lanes128>(iterations); break;
        }
    }

    /// <summary>Twelve chains: more than latency times throughput of any current machine, fewer than its registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Burn<V>(int iterations) where V : unmanaged, ILanes<V>
    {
        V x = V.Of(0.999f), y = V.Of(0.001f);
        V a = y, b = y, c = y, d = y, e = y, f = y, g = y, h = y, i = y, j = y, k = y, l = y;
        for (var n = 0; n < iterations; n++)
        {
            a = V.MultiplyAdd(a, x, y);
            b = V.MultiplyAdd(b, x, y);
            c = V.MultiplyAdd(c, x, y);
            d = V.MultiplyAdd(d, x, y);
            e = V.MultiplyAdd(e, x, y);
            f = V.MultiplyAdd(f, x, y);
            g = V.MultiplyAdd(g, x, y);
            h = V.MultiplyAdd(h, x, y);
            i = V.MultiplyAdd(i, x, y);
            j = V.MultiplyAdd(j, x, y);
            k = V.MultiplyAdd(k, x, y);
            l = V.MultiplyAdd(l, x, y);
        }
        // Keeps the chains alive: the sum is finite, so this never throws.
        if (float.IsNaN((a + b + c + d + e + f + (g + h + i + j + k + l)).Sum())) throw new InvalidOperationException();
    }
}
