using Faith.Kernels.Cuda;
using Faith.PtxInterpreter;

namespace Faith.Kernels.Tests.Cuda;

/// <summary>Products by cuBLAS where it is asked for; a table of functions that multiply in the simulated memory stands in for it.</summary>
[Collection("cuda")]
public sealed class CuBlasTests(CudaFixture fixture)
{
    private CudaDevice Open() => CudaDevices.Open(CudaDevices.Probe(fixture.Driver), null, new CuBlas(SimulatedBlas.Symbol));

    [Fact]
    public void ProductsMatchTheFormula()
    {
        SimulatedGpu.Reset();
        using var device = Open();
        foreach (var test in MatrixCases.All)
        {
            SimulatedGpu.Launched.Clear();
            using var arena = new DeviceArena(device);
            foreach (var outcome in test.Run(new(device, arena, seed: 7)))
                for (var i = 0; i < outcome.Actual.Length; i++)
                    Assert.True(Math.Abs(outcome.Actual[i] - outcome.Expected[i]) <= outcome.Absolute, $"{test}: {outcome.Name}[{i}] is {outcome.Actual[i]}, not {outcome.Expected[i]}");
            // bfloat16 weights stay with the kernels that widen them exactly.
            var products = test.Shape.EndsWith("BFloat16", StringComparison.Ordinal) ? 0 : test.Shape.EndsWith("then what follows", StringComparison.Ordinal) ? 5 : 2;
            Assert.Equal(products, SimulatedGpu.Launched.Count(name => name == "cublasSgemm"));
        }
    }

    [Fact]
    public void ABiasIsAddedWhereTheProductIs()
    {
        SimulatedGpu.Reset();
        using var device = Open();
        using var arena = new DeviceArena(device);
        using var weights = device.CreateWeights(new ArrayMatrix([1, 2, 3, 4], 2, 2, false));
        var (x, y, bias) = (arena.Put([1, 1, 2, 0], 2, 2), arena.Put([100, 200, 300, 400], 2, 2), arena.Put([10, 20], 1, 2));
        var before = device.MatrixFlops;
        device.Multiply(weights, WeightSide.Forward, x, y, bias, add: true);
        Assert.Equal([114, 226, 312, 424], arena.Get(y));
        Assert.Equal(16, device.MatrixFlops - before);
        device.Multiply(weights, WeightSide.Transposed, x.RowRange(0, 0), y.RowRange(0, 0), bias);
    }

    [Fact]
    public void AProductInASequenceReadsWhatWasWrittenDownBefore()
    {
        SimulatedGpu.Reset();
        using var device = Open();
        using var arena = new DeviceArena(device);
        using var weights = device.CreateWeights(new ArrayMatrix([1, 2, 3, 4], 2, 2, false));
        var (x, y, z) = (arena.New(1, 2), arena.New(1, 2), arena.New(1, 2));
        device.Repeatable(() =>
        {
            device.Fill(x, 2);
            device.Multiply(weights, WeightSide.Forward, x, y);
            device.Copy(y, z);
        });
        Assert.Equal([8, 12], arena.Get(z));
    }

    [Fact]
    public void TheDeviceSaysThatItUsesIt()
    {
        SimulatedGpu.Reset();
        var handles = SimulatedGpu.LiveHandles;
        using (var device = Open()) Assert.Equal("cuda:0 Simulated GPU (sm_90, cuBLAS 120401)", device.Name);
        Assert.Equal(handles, SimulatedGpu.LiveHandles);
    }

    [Fact]
    public void AFailedCallNamesItself()
    {
        SimulatedGpu.Reset();
        using var device = Open();
        using var weights = device.CreateWeights(new ArrayMatrix(new float[4], 2, 2, false));
        var error = Assert.Throws<CudaException>(() => device.Multiply(weights, WeightSide.Forward, new(new NoMemory(0x1000), 1, 2), new(new NoMemory(0x2000), 1, 2)));
        Assert.Equal("cublasSgemm failed with status 13", error.Message);
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
