using System.Diagnostics;
using Faith.PtxInterpreter;
using Xunit;
using Xunit.Abstractions;

namespace Faith.Kernels.Tests.Cuda;

[Collection("cuda")]
public sealed class CudaSpeed(CudaFixture fixture, ITestOutputHelper output)
{
    [Fact]
    public void Gemm()
    {
        SimulatedGpu.Reset();
        var device = fixture.Device;
        using var arena = new DeviceArena(device);
        var random = new Random(1);
        float[] R(int n) => [.. Enumerable.Range(0, n).Select(_ => random.NextSingle() - 0.5f)];
        foreach (var (m, n, k) in ((int, int, int)[])[(5, 7, 3), (33, 40, 20), (130, 140, 45), (256, 256, 256)])
        {
            var (a, b) = (R(m * k), R(k * n));
            using var w = device.CreateWeights(new ArrayMatrix(b, k, n, false));
            var (x, y) = (arena.Put(a, m, k), arena.New(m, n));
            var before = Launch.Executed;
            var watch = Stopwatch.StartNew();
            device.Multiply(w, WeightSide.Forward, x, y);
            watch.Stop();
            var got = arena.Get(y);
            double worst = 0;
            for (var i = 0; i < m; i++)
                for (var j = 0; j < n; j++)
                {
                    double s = 0;
                    for (var l = 0; l < k; l++)
                        s += (double)a[i * k + l] * b[l * n + j];
                    worst = Math.Max(worst, Math.Abs(s - got[i * n + j]));
                }
            output.WriteLine($"{m}x{n}x{k}: {watch.Elapsed.TotalMilliseconds:0.0} ms, {2.0 * m * n * k / watch.Elapsed.TotalSeconds / 1e9:0.000} GFLOP/s, {(Launch.Executed - before) / watch.Elapsed.TotalSeconds / 1e6:0.0} M warp instructions/s, {SimulatedGpu.Launched[^1]}, error {worst:e2}");
            Assert.True(worst < 1e-4);
        }
    }
}
