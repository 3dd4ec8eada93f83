using Faith.Kernels.Cuda;
using Faith.PtxInterpreter;

namespace Faith.Kernels.Tests.Cuda;

/// <summary>What a user reads when there is no GPU, or not one that will do.</summary>
[Collection("cuda")]
public sealed class CudaErrorTests(CudaFixture fixture)
{
    [Fact]
    public void AMissingDriverIsAReasonAndNoException()
    {
        Assert.Null(CudaDriver.TryLoad(out var reason, "libno-such-driver.so.1"));
        Assert.Equal("the NVIDIA driver (libno-such-driver.so.1) is not installed", reason);
    }

    [Fact]
    public void ALibraryThatIsNoDriverIsAReason()
    {
        Assert.Null(CudaDriver.TryLoad(out var reason, OperatingSystem.IsWindows() ? "kernel32.dll" : OperatingSystem.IsMacOS()
            ? "libSystem.dylib" : "libc.so.6"));
        Assert.StartsWith("the CUDA driver has no function cuInit", reason, StringComparison.Ordinal);
    }

    // As cuda.h has it: after an illegal address or a stack error nothing works any more; memory that is not registered is an error of the call.
    [Theory]
    [InlineData(700, true)]
    [InlineData(701, false)]
    [InlineData(702, true)]
    [InlineData(710, true)]
    [InlineData(713, false)]
    [InlineData(714, true)]
    [InlineData(719, true)]
    [InlineData(720, false)]
    public void ALostDeviceIsSaidToBeOne(int result, bool lost) =>
        Assert.Equal(lost, fixture.Driver.Describe(result).EndsWith("; the device is lost to this process: start the program again", StringComparison.Ordinal));

    [Fact]
    public void ProbingThisMachineNeverThrows()
    {
        var probe = CudaDevices.Probe();
        Assert.Equal(probe.Available, probe.Reason.Length == 0);
    }

    [Fact]
    public void EveryMissingFunctionIsNamed()
    {
        var error = Assert.Throws<CudaException>(() => new CudaDriver(name => name == "cuGraphLaunch" ? 0 : SimulatedDriver.Symbol(name)));
        Assert.Contains("cuGraphLaunch", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ADriverWithoutAGpuSaysSo()
    {
        SimulatedGpu.Reset();
        SimulatedGpu.InitResult = 100;
        var probe = CudaDevices.Probe(fixture.Driver);
        Assert.False(probe.Available);
        Assert.StartsWith("cuInit failed: CUDA_ERROR_NO_DEVICE (100)", probe.Reason, StringComparison.Ordinal);
        Assert.StartsWith("CUDA is not available: cuInit failed", Assert.Throws<CudaException>(() => CudaDevices.Open(probe)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void AnOldDriverSaysWhichIsNeeded()
    {
        SimulatedGpu.Reset();
        SimulatedGpu.DriverVersion = 11020;
        Assert.Equal("the driver supports CUDA 11.2; 11.4 or newer is needed", CudaDevices.Probe(fixture.Driver).Reason);
    }

    [Fact]
    public void AnOldGpuSaysWhatIsNeeded()
    {
        SimulatedGpu.Reset();
        SimulatedGpu.Capability = (7, 5);
        var probe = CudaDevices.Probe(fixture.Driver);
        Assert.Contains("no GPU of compute capability 8.0 or higher: Simulated GPU (sm_75", probe.Reason, StringComparison.Ordinal);
        Assert.Contains("compute capability 8.0 or higher is needed",
            Assert.Throws<CudaException>(() => CudaDevices.Open(probe, 0)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ADeviceThatIsNotThereIsRefused()
    {
        SimulatedGpu.Reset();
        Assert.Contains("there is no device 3; the driver reports 1",
            Assert.Throws<CudaException>(() => CudaDevices.Open(CudaDevices.Probe(fixture.Driver), 3)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TooLittleMemorySaysHowMuch()
    {
        SimulatedGpu.Reset();
        SimulatedGpu.MemoryBytes = SimulatedGpu.Memory.Used + 5000;
        var error = Assert.Throws<DeviceMemoryException>(() => fixture.Device.Allocate(6000));
        Assert.Contains("6,000 more bytes: 5,000 of", error.Message, StringComparison.Ordinal);
        Assert.Equal(5000, fixture.Device.FreeMemory);
        // Nothing is lost by the attempt.
        fixture.Device.Allocate(5000).Dispose();
    }

    [Fact]
    public void BuffersAreFreedOnce()
    {
        SimulatedGpu.Reset();
        var before = SimulatedGpu.Memory.Used;
        var buffer = fixture.Device.Allocate(1000);
        Assert.Equal(before + 1000, SimulatedGpu.Memory.Used);
        buffer.Dispose();
        buffer.Dispose();
        Assert.Equal(before, SimulatedGpu.Memory.Used);
        Assert.Throws<ObjectDisposedException>(() => buffer.Address);
    }

    [Fact]
    public void ADisposedDeviceLeavesNothingBehindAndItsBuffersCanStillBeFreed()
    {
        SimulatedGpu.Reset();
        var (memory, handles) = (SimulatedGpu.Memory.Used, SimulatedGpu.LiveHandles);
        var device = new CudaDevice(fixture.Driver, CudaDevices.Probe(fixture.Driver).Devices[0]);
        var buffer = device.Allocate(64);
        device.Dispose();
        buffer.Dispose();
        Assert.Equal(memory, SimulatedGpu.Memory.Used);
        Assert.Equal(handles, SimulatedGpu.LiveHandles);
    }

    [Fact]
    public void PtxThatDoesNotCompileShowsTheCompilersLog()
    {
        SimulatedGpu.Reset();
        var handles = SimulatedGpu.LiveHandles;
        var ptx = CudaModule.EmbeddedPtx().Replace("fma.rn.f32", "fma.sideways.f32", StringComparison.Ordinal);
        var error = Assert.Throws<CudaException>(() => fixture.Open(ptx));
        Assert.Equal(218, error.Code);
        Assert.Equal(handles, SimulatedGpu.LiveHandles);
        Assert.Matches(@"cuModuleLoadDataEx\(kernels.ptx\) failed: CUDA_ERROR_INVALID_PTX \(218\)", error.Message);
        Assert.Matches(@"kernel \w+, PTX line \d+: unknown instruction fma.sideways.f32", error.Message);
    }

    [Fact]
    public void AFailedCallNamesItselfItsCodeAndItsMeaning()
    {
        SimulatedGpu.Reset();
        var error = Assert.Throws<CudaException>(() => fixture.Device.Upload([1, 2, 3, 4], new NoMemory(0x1000), 0));
        Assert.Matches(@"^cuMemcpyHtoDAsync\(.*\) failed: CUDA_ERROR_INVALID_VALUE \(1\): ", error.Message);
    }
}
