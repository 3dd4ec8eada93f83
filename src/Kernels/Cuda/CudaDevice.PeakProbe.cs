using System.Runtime.InteropServices;

namespace Faith.Kernels.Cuda;

// The launcher of PeakProbe.cu.
public sealed partial class CudaDevice
{
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct ProbeParameters(RawTensor Y, int Rounds);

    internal const int ProbeThreads = 256;

    /// <summary>
    /// Floating-point operations a second, in 10⁹, of fused multiply-adds on registers alone: the GPU's float32 peak at the clock that it
    /// runs at. The number of rounds grows until a launch takes a few milliseconds.
    /// </summary>
    public double MultiplyAddGflops()
    {
        const int BlocksOfMultiprocessor = 16, MostRounds = 1 << 20;
        const double EnoughSeconds = 0.005;
        var blocks = BlocksOfMultiprocessor * _multiprocessors;
        using var memory = Allocate(sizeof(float) * (long)ProbeThreads * blocks);
        var y = new RawTensor(memory.Address, blocks, ProbeThreads);
        for (var rounds = 1; ; rounds *= 4)
        {
            var taken = rounds;
            var seconds = DeviceProbe.SecondsOf(this, () => MultiplyAdds(y, taken));
            if (seconds > EnoughSeconds || rounds == MostRounds) return 2.0 * 8 * 16 * y.Count * rounds / seconds / 1e9;
        }
    }

    /// <summary>Sets y [blocks × 256] to sums of eight chains of 16 · <paramref name="rounds"/> multiply-adds.</summary>
    internal void MultiplyAdds(RawTensor y, int rounds) => Launch("multiply_adds", new ProbeParameters(y, rounds), y.Rows);
}
