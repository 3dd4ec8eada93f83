using System.CommandLine;
using Faith.Cli.Commands;
using Faith.Engine;
using Faith.Engine.Experiments;
using Faith.Kernels;
using Faith.Kernels.Gpu;
using Faith.PtxInterpreter;
using Xunit;

namespace Faith.Cli.Tests;

/// <summary>What --device opens, and what it says.</summary>
[Collection(SimulatedCuda.Name)]
public sealed class DeviceChoiceTests : CliTest
{
    private static readonly GpuProbe NoOpenCl = new(GpuKind.OpenCl, [], "no OpenCL is installed (libOpenCL.so.1 was not found)", IsInstalled: false);

    private readonly StringWriter notes = new();

    private DeviceChoice Choose(string name, GpuProbe probe, GpuProbe? openCl = null) => new(name, Threads: 1, MemoryBytes: null, line => notes.WriteLine($"faith: {line}"), Gpus: new(probe, openCl ?? NoOpenCl));

    private static GpuProbe Gpus(int count = 1, int initResult = 0, int major = 9)
    {
        SimulatedGpu.Reset();
        (SimulatedGpu.Devices, SimulatedGpu.InitResult, SimulatedGpu.Capability) = (count, initResult, (major, 0));
        return SimulatedCuda.Probe;
    }

    [SimulatedFact]
    public void Auto_takes_a_gpu_that_works()
    {
        using var device = Choose("auto", Gpus()).Open();
        Assert.StartsWith("cuda:0 Simulated GPU", device.Name, StringComparison.Ordinal);
        Assert.Empty(notes.ToString());
    }

    [Fact]
    public void Auto_without_a_driver_takes_the_cpu_and_says_nothing()
    {
        using var device = Choose("auto", SimulatedCuda.None).Open();
        Assert.StartsWith("cpu (", device.Name, StringComparison.Ordinal);
        Assert.Empty(notes.ToString());
    }

    [SimulatedFact]
    public void Auto_says_that_a_driver_finds_no_gpu()
    {
        Assert.Equal("faith: the GPU is not used: cuInit failed: simulated error 100 (error 100)", NoteOfTheCpu(Gpus(initResult: 100)));
        Assert.Equal("faith: the GPU is not used: the driver reports no GPU", NoteOfTheCpu(Gpus(count: 0)));
    }

    [SimulatedFact]
    public void Auto_says_that_a_gpu_is_too_old() =>
        Assert.Matches("^faith: the GPU is not used: no GPU of compute capability 8.0 or higher: Simulated GPU [(]sm_70, .*; compute capability 8.0 or higher is needed$", NoteOfTheCpu(Gpus(major: 7)));

    [SimulatedFact]
    public void Auto_says_that_a_gpu_cannot_be_opened()
    {
        var probe = Gpus();
        SimulatedGpu.Fault = new PtxException("broken before");
        Assert.StartsWith("faith: the GPU is not used: cuda:0 cannot be opened: broken before", NoteOfTheCpu(probe), StringComparison.Ordinal);
        SimulatedGpu.Reset();
    }

    [SimulatedFact]
    public void Auto_says_that_a_gpu_is_full()
    {
        var probe = Gpus();
        SimulatedGpu.ContextResult = SimulatedDriver.OutOfMemory;
        Assert.Equal("faith: the GPU is not used: cuda:0 is full: simulated error 2", NoteOfTheCpu(probe));
        Assert.Equal("--device cuda:all: cuda:0 is full: simulated error 2", Assert.Throws<InputException>(() => Choose("cuda:all", probe).OpenAll()).Message);
        SimulatedGpu.Reset();
    }

    private static readonly GpuDeviceInfo SmallOpenClGpu = new(GpuKind.OpenCl, 0, "Small GPU", "OpenCL 1.2", true, 1, 1 << 20, 0, 1 << 14, "48 KiB of shared memory are needed, not 16");

    private static GpuProbe OpenCl(GpuDeviceInfo device) => new(GpuKind.OpenCl, [device], device.Missing, IsInstalled: true);

    [Fact]
    public void Auto_says_that_a_gpu_of_opencl_cannot_be_used() =>
        Assert.Equal("faith: the GPU is not used: opencl:0 cannot be used: Small GPU (OpenCL 1.2, 1 multiprocessors, 0.0 GiB); 48 KiB of shared memory are needed, not 16",
            NoteOfTheCpu(SimulatedCuda.None, OpenCl(SmallOpenClGpu)));

    [OpenClFact]
    public void Auto_takes_a_gpu_of_opencl_where_there_is_no_other()
    {
        // A CPU, but here it says that it is a GPU.
        var gpu = OpenCl(OpenClFactAttribute.Probe.Devices.First(d => d.Usable) with { IsGpu = true, Version = "OpenCL" });
        foreach (var cuda in (GpuProbe[])[SimulatedCuda.None, new(GpuKind.Cuda, [], "the driver reports no GPU", IsInstalled: true)])
        {
            using var device = Choose("auto", cuda, gpu).Open();
            Assert.Equal(gpu.Devices[0].Title, device.Name);
            Assert.Empty(notes.ToString());
        }
    }

    [SimulatedFact]
    public void Auto_prefers_a_gpu_of_nvidia()
    {
        using var device = Choose("auto", Gpus(), OpenCl(SmallOpenClGpu with { Missing = "" })).Open();
        Assert.StartsWith("cuda:0 Simulated GPU", device.Name, StringComparison.Ordinal);
        Assert.Empty(notes.ToString());
    }

    [OpenClFact]
    public void Auto_says_that_a_gpu_of_opencl_cannot_be_opened() =>
        Assert.Equal("faith: the GPU is not used: opencl:98 is no longer there", NoteOfTheCpu(SimulatedCuda.None, OpenCl(SmallOpenClGpu with { Missing = "", Ordinal = 98 })));

    [OpenClFact]
    public void Auto_passes_over_a_cpu_of_opencl()
    {
        using var device = Choose("auto", SimulatedCuda.None, OpenCl(OpenClFactAttribute.Probe.Devices.First(d => d.Usable) with { IsGpu = false })).Open();
        Assert.StartsWith("cpu (", device.Name, StringComparison.Ordinal);
        Assert.Empty(notes.ToString());
    }

    [OpenClTheory]
    [InlineData("opencl")]
    [InlineData("opencl:0")]
    public void A_device_of_opencl_is_opened_by_name(string name)
    {
        var probe = OpenClFactAttribute.Probe;
        using var device = Choose(name, SimulatedCuda.None, probe).Open();
        Assert.Equal(probe.Devices.First(d => d.Usable).Title, device.Name);
        Assert.StartsWith("opencl:0 ", device.Name, StringComparison.Ordinal);
        Assert.Empty(notes.ToString());
    }

    [OpenClFact]
    public void A_device_of_opencl_that_is_not_there_is_refused() => Refused(
        $"--device opencl:99: OpenCL is not available: there is no device 99; the driver reports {OpenClFactAttribute.Probe.Devices.Count}",
        "attribute", "--model", TinyModel.Write(At("model")), "--data", Write("d.jsonl", """{"clean": [1, 2], "corrupted": [1, 3], "answers": [6], "distractors": [7]}"""), "--out", At("s.json"), "--device", "opencl:99");

    [Theory]
    [InlineData("cuda", "CUDA is not available: the NVIDIA driver is not installed (libcuda.so.1 was not found)")]
    [InlineData("cuda:0", "CUDA is not available: the NVIDIA driver is not installed (libcuda.so.1 was not found)")]
    [InlineData("cuda:all", "CUDA is not available: the NVIDIA driver is not installed (libcuda.so.1 was not found)")]
    [InlineData("cuda:0,1", "CUDA is not available: the NVIDIA driver is not installed (libcuda.so.1 was not found)")]
    [InlineData("opencl", "OpenCL is not available: no OpenCL is installed (libOpenCL.so.1 was not found)")]
    [InlineData("opencl:1", "OpenCL is not available: no OpenCL is installed (libOpenCL.so.1 was not found)")]
    [InlineData("opencl:", "unknown device 'opencl:'; known: auto, cpu, cuda, ")]
    [InlineData("opencl:-1", "unknown device 'opencl:-1'; known: auto, cpu, cuda, ")]
    [InlineData("opencl:all", "unknown device 'opencl:all'; known: auto, cpu, cuda, ")]
    public void What_a_machine_lacks_is_said_in_one_line(string name, string reason)
    {
        var message = Assert.Throws<InputException>(() => Choose(name, SimulatedCuda.None).OpenAll()).Message;
        Assert.StartsWith($"--device {name}: {reason}", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public void The_program_says_what_this_machine_lacks()
    {
        // In a process of its own, whose driver is the machine's.
        var listed = RunProcess("devices");
        Assert.True(listed.Code == 0, listed.Error);
        foreach (var kind in (string[])["cuda", "opencl"])
        {
            var line = listed.Output.Split('\n').Single(line => line.StartsWith($"{kind} ", StringComparison.Ordinal) || line.StartsWith($"{kind}:0 ", StringComparison.Ordinal));
            if (!line.StartsWith($"{kind} ", StringComparison.Ordinal)) continue;
            var refused = RunProcess("accuracy", "--model", "tasks-4l", "--data", "ioi", "--device", kind);
            var reason = line[kind.Length..].Trim()["no".Length..].Trim();
            Assert.Equal((FaithProgram.BadInput, $"faith: --device {kind}: {(kind == "cuda" ? "CUDA" : "OpenCL")} is not available: {reason}"), (refused.Code, refused.Error.TrimEnd()));
        }
    }

    // The one line that is written when auto ends with the CPU.
    private string NoteOfTheCpu(GpuProbe probe, GpuProbe? openCl = null)
    {
        notes.GetStringBuilder().Clear();
        using var device = Choose("auto", probe, openCl).Open();
        Assert.StartsWith("cpu (", device.Name, StringComparison.Ordinal);
        return Assert.Single(notes.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries));
    }

    [SimulatedTheory]
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

    [SimulatedFact]
    public void A_command_for_one_device_says_so()
    {
        using var model = LoadedModel.Load(TinyModel.Write(At("model")));
        Assert.Equal("cuda:1 Simulated GPU (sm_90)", model.On(Choose("cuda:1,0", Gpus(count: 2))).Device.Name);
        Assert.Equal($"faith: this command uses one device: cuda:1 Simulated GPU (sm_90){Environment.NewLine}", notes.ToString());
    }

    [SimulatedTheory]
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

    [SimulatedFact]
    public void Cublas_is_refused_where_it_is_of_no_use()
    {
        Refused("--cublas needs an NVIDIA GPU; --device cpu uses none", "bench", "--shape", "stories260k", "--device", "cpu", "--cublas");
        Refused("--cublas needs an NVIDIA GPU; --device opencl:0 uses none", "bench", "--shape", "stories260k", "--device", "opencl:0", "--cublas");
        var choice = Choose("auto", Gpus()) with { Cublas = true };
        if (CuBlas.TryLoad(out var reason) is null) Assert.Equal($"--cublas: {reason}", Assert.Throws<InputException>(choice.Open).Message);
    }

    [SimulatedFact]
    public void Tensor_products_are_of_nvidia_gpus_and_elsewhere_it_is_said_once_that_products_are_exact()
    {
        using (var device = (Choose("cuda", Gpus()) with { Products = Products.Tensor }).Open()) Assert.Equal("cuda:0 Simulated GPU (sm_90, tensor products)", device.Name);
        Assert.Empty(notes.ToString());
        using (var device = (Choose("auto", SimulatedCuda.None) with { Products = Products.Tensor }).Open()) Assert.Equal(Products.Exact, device.Products);
        Assert.Matches(@"^faith: --products tensor: the tensor cores of an NVIDIA GPU are needed; cpu \(.+\) multiplies exactly\r?\n$", notes.ToString());
        using var error = new StringWriter();
        var options = new DeviceOptions(new(TextWriter.Null, error, false, false, CancellationToken.None));
        var command = new Command("any");
        options.AddTo(command);
        foreach (var _ in (int[])[1, 2]) options.Read(command.Parse(["--products", "tensor", "--device", "cpu"])).Open().Dispose();
        Assert.Single(error.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Refused("--cublas and --products tensor both say what multiplies matrices; leave one out", "bench", "--shape", "stories260k", "--device", "cuda", "--cublas", "--products", "tensor");
        Refused("--products tensors is not known; known: exact, tensor", "bench", "--shape", "stories260k", "--products", "tensors");
    }

    [SimulatedFact]
    public void Devices_lists_and_measures_every_gpu()
    {
        var table = TableOf(Gpus(count: 2));
        foreach (var device in (string[])["cuda:0", "cuda:1"]) Assert.Matches($@"{device}\s+yes\s+Simulated GPU .* GiB free, driver with CUDA 12.4\s+memory copies at [\d,.]+ GB/s, matrix products at \d+ GFLOP/s", table);
    }

    [SimulatedFact]
    public void Devices_lists_full_gpus()
    {
        var probe = Gpus();
        SimulatedGpu.ContextResult = SimulatedDriver.OutOfMemory;
        Assert.Matches(@"cuda:0\s+no\s+Simulated GPU .*: cuda:0 is full: simulated error 2", TableOf(probe));
        // Room to be opened, but not for the matrices of a measurement.
        SimulatedGpu.Reset();
        SimulatedGpu.MemoryBytes = SimulatedGpu.Memory.Used + 4096;
        Assert.Matches(@"cuda:0\s+yes\s+Simulated GPU .* free, driver with CUDA 12.4\s+not measured: the GPU has too little memory", TableOf(probe));
        SimulatedGpu.Reset();
    }

    private string TableOf(GpuProbe probe)
    {
        using var output = new StringWriter();
        var table = new TextTable("device", "usable", "what");
        DevicesCommand.Gpus(table, probe, measure: true);
        table.Write(new CommandContext(output, notes, false, false, CancellationToken.None));
        return output.ToString();
    }

    [SimulatedFact]
    public void All_gpus_of_none_are_refused_with_the_reason() =>
        Assert.Equal("--device cuda:all: CUDA is not available: the driver reports no GPU", Assert.Throws<InputException>(() => Choose("cuda:all", Gpus(count: 0)).OpenAll()).Message);
}
