using ILGPU;

namespace Faith.Kernels.Gpu;

internal struct ProbeOperands(Matrix y, int rounds)
{
    public Matrix Y = y;
    public int Rounds = rounds;
}

/// <summary>
/// What a multiprocessor can do at most, the yardstick of the benchmarks: fused multiply-adds on registers alone, in eight chains a thread, which
/// cover the latency of four cycles with two warps a scheduler. Sets y[block, thread] to the sum of the chains, so that none is idle.
/// Bytes: 4 a thread. Operations: 2·8·16 a thread and round.
/// </summary>
internal static class PeakProbeKernel
{
    public const int Threads = 256;

    public static GpuKernel<ProbeOperands> Kernel { get; } = new("PeakProbe", PeakProbe, Threads);

    public static void PeakProbe(ProbeOperands p)
    {
        var t = Group.IdxX;
        Float4 low = new(0.001f * t, 0.001f * (t + 1), 0.001f * (t + 2), 0.001f * (t + 3)), high = new(0.001f * (t + 4), 0.001f * (t + 5), 0.001f * (t + 6), 0.001f * (t + 7));
        for (var r = 0; r < p.Rounds; r++)
        {
            (low, high) = Eight(low, high);
            (low, high) = Eight(low, high);
        }
        p.Y[Grid.IdxX, t] = low.X + low.Y + low.Z + low.W + high.X + high.Y + high.Z + high.W;
    }

    private static (Float4, Float4) Eight(Float4 low, Float4 high)
    {
        low = Step(Step(Step(Step(Step(Step(Step(Step(low))))))));
        high = Step(Step(Step(Step(Step(Step(Step(Step(high))))))));
        return (low, high);
    }

    private static Float4 Step(Float4 x) => new(Exact.Fma(x.X, 0.999f, 0.001f), Exact.Fma(x.Y, 0.999f, 0.001f), Exact.Fma(x.Z, 0.999f, 0.001f), Exact.Fma(x.W, 0.999f, 0.001f));
}

public sealed partial class GpuDevice
{
    /// <summary>
    /// Floating-point operations a second, in 10⁹, of fused multiply-adds on registers alone: the GPU's float32 peak at the clock that it runs
    /// at. The number of rounds grows until a launch takes a few milliseconds.
    /// </summary>
    public double MultiplyAddGflops()
    {
        const int BlocksOfMultiprocessor = 16, MostRounds = 1 << 20;
        const double EnoughSeconds = 0.005;
        var blocks = BlocksOfMultiprocessor * accelerator.NumMultiprocessors;
        using var memory = Allocate(sizeof(float) * (long)PeakProbeKernel.Threads * blocks);
        var y = new Tensor(memory, blocks, PeakProbeKernel.Threads);
        for (var rounds = 1; ; rounds *= 4)
        {
            var taken = rounds;
            var seconds = DeviceProbe.SecondsOf(this, () => MultiplyAdds(y, taken));
            if (seconds > EnoughSeconds || rounds == MostRounds) return 2.0 * 8 * 16 * y.Count * rounds / seconds / 1e9;
        }
    }

    /// <summary>Sets y [blocks × 256] to sums of eight chains of 16 · <paramref name="rounds"/> multiply-adds.</summary>
    internal void MultiplyAdds(Tensor y, int rounds) => Launch(PeakProbeKernel.Kernel, new ProbeOperands(View(y), rounds), y.Rows);
}
