using Faith.Kernels;
using Faith.Kernels.Gpu;
using Faith.PtxInterpreter;
using Xunit;

namespace Faith.Engine.Tests;

/// <summary>NVIDIA GPUs of the simulated driver: the PTX that ILGPU writes, run by the interpreter. Its tests run one after another.</summary>
[CollectionDefinition(Name)]
public sealed class SimulatedCuda
{
    public const string Name = "cuda";

    // ILGPU settles once a process which driver it has, so this comes before anything asks it for one.
    static SimulatedCuda() => GpuLibraries.CudaStandIn = SimulatedLibrary.Handle;

    /// <summary>What the driver says of its GPUs.</summary>
    public static GpuProbe Probe => GpuDevices.Probe(GpuKind.Cuda);

    /// <summary>What the driver says of the first GPU.</summary>
    public static GpuDeviceInfo Info => Probe.Devices[0];

    /// <summary>A healthy GPU.</summary>
    public static GpuDevice Open()
    {
        SimulatedGpu.Reset();
        return GpuDevices.Open(Info);
    }

    /// <summary>A healthy GPU that multiplies by tensor cores.</summary>
    public static GpuDevice OpenTensor(Accumulation accumulation)
    {
        SimulatedGpu.Reset();
        WarpProduct.Accumulation = accumulation;
        return GpuDevices.Open(Info, products: Products.Tensor);
    }
}
