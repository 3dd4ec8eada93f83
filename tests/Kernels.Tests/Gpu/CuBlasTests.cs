using Faith.Kernels.Gpu;
using Faith.PtxInterpreter;

namespace Faith.Kernels.Tests.Gpu;

/// <summary>Products by cuBLAS where it is asked for; a table of functions that multiply in the simulated memory stands in for it.</summary>
[Collection("cuda")]
public sealed class CuBlasTests
{
    private static GpuDevice Open() => GpuDevices.Open(SimulatedFixture.Probe().Devices[0], new CuBlas(SimulatedBlas.Symbol));

    [Fact]
    public void ProductsMatchTheFormula()
    {
        SimulatedGpu.Reset();
        using var device = Open();
        // Weights of 16 bits stay with the kernels.
        foreach (var item in Cases.All.Where(c => c.Op == "Multiply" && !c.Shape.Contains("float16", StringComparison.Ordinal)).Where((c, i) => i % 3 == 0 && !c.Shape.Contains(" 0 ×", StringComparison.Ordinal)))
        {
            SimulatedGpu.Launched.Clear();
            _ = Cases.Results(device, item);
            Assert.Contains("cublasSgemm", SimulatedGpu.Launched);
        }
    }

    [Fact]
    public void ABiasIsAddedWhereTheProductIsAndBrain16StaysWithTheKernels()
    {
        SimulatedGpu.Reset();
        using var device = Open();
        using var weights = device.CreateWeights(new ArrayMatrix([1, 2, 3, 4], 2, 2, false));
        using var memory = device.Allocate(4 * 12);
        Tensor x = new(memory, 0, 2, 2), y = new(memory, 4, 2, 2), bias = new(memory, 8, 1, 2);
        device.Upload([1f, 1, 2, 0, 100, 200, 300, 400, 10, 20], new(memory, 1, 10));
        var before = device.MatrixFlops;
        device.Multiply(weights, WeightSide.Forward, x, y, bias, add: true);
        var values = new float[4];
        device.Download(y, values);
        Assert.Equal([114, 226, 312, 424], values);
        Assert.Equal(16, device.MatrixFlops - before);
        device.Multiply(weights, WeightSide.Transposed, x.RowRange(0, 0), y.RowRange(0, 0), bias);
    }

    [Fact]
    public void TheDeviceSaysThatItUsesItAndLeavesNothingBehind()
    {
        SimulatedGpu.Reset();
        var handles = SimulatedGpu.LiveHandles;
        using (var device = Open()) Assert.Equal("cuda:0 Simulated GPU (sm_90, cuBLAS 120401)", device.Name);
        Assert.Equal(handles, SimulatedGpu.LiveHandles);
    }

    [Fact]
    public void AMissingLibraryIsAReason()
    {
        Assert.Null(CuBlas.TryLoad(out var reason, "libno-such-blas.so.1", "libneither.so"));
        Assert.Equal("cuBLAS is not installed, or not where libraries are looked for: none of libno-such-blas.so.1, libneither.so was found", reason);
        Assert.Null(CuBlas.TryLoad(out reason, OperatingSystem.IsWindows() ? "kernel32.dll" : OperatingSystem.IsMacOS() ? "libSystem.dylib" : "libc.so.6"));
        Assert.Equal("cuBLAS has no function cublasCreate_v2; version 11 or newer is needed", reason);
    }
}
