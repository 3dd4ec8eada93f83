using Faith.Kernels.Gpu;
using Faith.PtxInterpreter;
using Xunit;

namespace Faith.Cli.Tests;

/// <summary>NVIDIA GPUs of the simulated driver: the PTX that ILGPU writes, run by the interpreter. Its tests run one after another.</summary>
[CollectionDefinition(Name)]
public sealed class SimulatedCuda
{
    public const string Name = "cuda";

    // ILGPU settles once a process which driver it has, so this comes before anything asks it for one.
    static SimulatedCuda() => GpuLibraries.CudaStandIn = SimulatedLibrary.Handle;

    /// <summary>What the driver says of its GPUs.</summary>
    public static GpuProbe Probe => GpuDevices.Probe(GpuKind.Cuda);

    /// <summary>Leaves the driver without a GPU, so that whatever asks for the best device gets the CPU.</summary>
    public static void HideGpus()
    {
        SimulatedGpu.Reset();
        SimulatedGpu.Devices = 0;
    }

    /// <summary>What a machine without NVIDIA's driver says.</summary>
    public static GpuProbe None { get; } = new(GpuKind.Cuda, [], "the NVIDIA driver is not installed (libcuda.so.1 was not found)", IsInstalled: false);
}
