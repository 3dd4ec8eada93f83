using Faith.Cli.Commands;
using Faith.Engine;
using Faith.Engine.Experiments;
using Faith.Kernels.Cuda;
using Faith.PtxInterpreter;
using Xunit;

namespace Faith.Cli.Tests;

/// <summary>What --device opens, and what it says.</summary>
[Collection("gpu")]
public sealed class DeviceChoiceTests : CliTest
{
    private readonly StringWriter notes = new();

    private DeviceChoice Choose(string name, CudaProbe probe) => new(name, Threads: 1, MemoryBytes: null, line => notes.WriteLine($"faith: {line}"), Gpus: probe);

    private static CudaProbe Gpus(int count = 1, int initResult = 0, int major = 9)
    {
        SimulatedGpu.Reset();
        (SimulatedGpu.Devices, SimulatedGpu.InitResult, SimulatedGpu.Capability) = (count, initResult, (major, 0));
        return CudaDevices.Probe(new CudaDriver(SimulatedDriver.Symbol));
    }

    [Fact]
    public void Auto_takes_a_gpu_that_works()
    {
        using var device = Choose("auto", Gpus()).Open();
        Assert.StartsWith("cuda:0 Simulated GPU", device.Name, StringComparison.Ordinal);
        Assert.Empty(notes.ToString());
    }

    [Fact]
    public void Auto_without_a_driver_takes_the_cpu_and_says_nothing()
    {
        Assert.Null(CudaDriver.TryLoad(out var reason, "libno-such-driver.so.1"));
        using var device = Choose("auto", new(null, [], reason)).Open();
        Assert.StartsWith("cpu (", device.Name, StringComparison.Ordinal);
        Assert.Empty(notes.ToString());
    }

    [Fact]
    public void Auto_says_that_a_driver_finds_no_gpu()
    {
        Assert.Equal("faith: the GPU is not used: cuInit failed: CUDA_ERROR_NO_DEVICE (100): simulated error 100", NoteOfTheCpu(Gpus(initResult: 100)));
        Assert.Equal("faith: the GPU is not used: the driver reports no GPU", NoteOfTheCpu(Gpus(count: 0)));
    }

    [Fact]
    public void Auto_says_that_a_gpu_is_too_old() =>
        Assert.Matches("^faith: the GPU is not used: no GPU of compute capability 8.0 or higher: Simulated GPU [(]sm_70, .*; compute capability 8.0 or higher is needed$", NoteOfTheCpu(Gpus(major: 7)));

    [Fact]
    public void Auto_says_that_a_gpu_cannot_be_opened()
    {
        var probe = Gpus();
        SimulatedGpu.Fault = new PtxException("broken before");
        Assert.StartsWith("faith: the GPU is not used: cuStreamCreate", NoteOfTheCpu(probe), StringComparison.Ordinal);
        SimulatedGpu.Reset();
    }

    [Fact]
    public void Auto_says_that_a_gpu_is_full()
    {
        var probe = Gpus();
        SimulatedGpu.ContextResult = SimulatedDriver.OutOfMemory;
        Assert.Matches("^faith: the GPU is not used: cuDevicePrimaryCtxRetain.* failed: CUDA_ERROR_OUT_OF_MEMORY [(]2[)]", NoteOfTheCpu(probe));
        Assert.Matches("^--device cuda:all: cuDevicePrimaryCtxRetain.* failed: CUDA_ERROR_OUT_OF_MEMORY", Assert.Throws<InputException>(() => Choose("cuda:all", probe).OpenAll()).Message);
        SimulatedGpu.Reset();
    }

    // The one line that is written when auto ends with the CPU.
    private string NoteOfTheCpu(CudaProbe probe)
    {
        notes.GetStringBuilder().Clear();
        using var device = Choose("auto", probe).Open();
        Assert.StartsWith("cpu (", device.Name, StringComparison.Ordinal);
        return Assert.Single(notes.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries));
    }

    [Theory]
    [InlineData("cuda:all", 0, 1, 2)]
    [InlineData("cuda:2,0", 2, 0)]
    public void Several_gpus_are_opened_in_their_order(string name, params int[] ordinals)
    {
        var probe = Gpus(count: 3);
        using var model = LoadedModel.Load(TinyModel.Write(At("model")));
        var models = model.OnAll(Choose(name, probe));
        Assert.Equal(string.Join(" + ", ordinals.Select(i => $"cuda:{i} Simulated GPU (sm_90)")), models.DeviceName);
        Assert.Empty(notes.ToString());
    }

    [Fact]
    public void A_command_for_one_device_says_so()
    {
        using var model = LoadedModel.Load(TinyModel.Write(At("model")));
        Assert.Equal("cuda:1 Simulated GPU (sm_90)", model.On(Choose("cuda:1,0", Gpus(count: 2))).Device.Name);
        Assert.Equal($"faith: this command uses one device: cuda:1 Simulated GPU (sm_90){Environment.NewLine}", notes.ToString());
    }

    [Theory]
    [InlineData("cuda:0,5", "--device cuda:0,5: CUDA is not available: there is no device 5; the driver reports 2")]
    [InlineData("cuda:1,1", "--device cuda:1,1: a GPU is named twice")]
    [InlineData("cuda:0,x", "--device cuda:0,x: 'x' is no number of a GPU; cuda:0,2 names two")]
    [InlineData("cuda:0,", "--device cuda:0,: '' is no number of a GPU; cuda:0,2 names two")]
    public void Gpus_that_are_not_there_are_refused_and_nothing_stays_open(string name, string message)
    {
        var probe = Gpus(count: 2);
        var handles = SimulatedGpu.LiveHandles;
        Assert.Equal(message, Assert.Throws<InputException>(() => Choose(name, probe).OpenAll()).Message);
        Assert.Equal(handles, SimulatedGpu.LiveHandles);
    }

    [Fact]
    public void Cublas_is_refused_where_it_is_of_no_use()
    {
        Refused("--cublas needs a GPU; --device cpu uses none", "bench", "--shape", "stories260k", "--device", "cpu", "--cublas");
        var choice = Choose("auto", Gpus()) with { Cublas = true };
        if (CuBlas.TryLoad(out var reason) is null) Assert.Equal($"--cublas: {reason}", Assert.Throws<InputException>(choice.Open).Message);
    }

    [Fact]
    public void Devices_lists_and_measures_every_gpu()
    {
        var table = TableOf(Gpus(count: 2));
        foreach (var device in (string[])["cuda:0", "cuda:1"]) Assert.Matches($@"{device}\s+yes\s+Simulated GPU .* GiB free, driver with CUDA 12.4\s+memory copies at [\d,.]+ GB/s, matrix products at \d+ GFLOP/s", table);
    }

    [Fact]
    public void Devices_lists_full_gpus()
    {
        var probe = Gpus();
        SimulatedGpu.ContextResult = SimulatedDriver.OutOfMemory;
        Assert.Matches(@"cuda:0\s+no\s+Simulated GPU .*: cuDevicePrimaryCtxRetain.* failed: CUDA_ERROR_OUT_OF_MEMORY", TableOf(probe));
        // Room to be opened, but not for the matrices of a measurement.
        SimulatedGpu.Reset();
        SimulatedGpu.MemoryBytes = SimulatedGpu.Memory.Used + 4096;
        Assert.Matches(@"cuda:0\s+yes\s+Simulated GPU .* free, driver with CUDA 12.4\s+not measured: the GPU has too little memory", TableOf(probe));
        SimulatedGpu.Reset();
    }

    private string TableOf(CudaProbe probe)
    {
        using var output = new StringWriter();
        var table = new TextTable("device", "usable", "what");
        DevicesCommand.Gpus(table, probe, measure: true);
        table.Write(new CommandContext(output, notes, false, false, CancellationToken.None));
        return output.ToString();
    }

    [Fact]
    public void All_gpus_of_none_are_refused_with_the_reason() =>
        Assert.Equal("--device cuda:all: CUDA is not available: the driver reports no GPU", Assert.Throws<InputException>(() => Choose("cuda:all", Gpus(count: 0)).OpenAll()).Message);
}
