using Faith.Kernels.Cuda;
using Faith.PtxInterpreter;
using Xunit;

namespace Faith.Engine.Tests;

/// <summary>The CUDA device over the simulated driver: the committed PTX, run by the interpreter. Its tests run one after another.</summary>
[CollectionDefinition(Name)]
public sealed class SimulatedCuda
{
    public const string Name = "cuda";

    /// <summary>What the driver says of the GPU.</summary>
    public static CudaDeviceInfo Info => CudaDevices.Probe(new CudaDriver(SimulatedDriver.Symbol)).Devices[0];

    /// <summary>A healthy GPU, which replays sequences of operations unless told otherwise.</summary>
    public static CudaDevice Open(bool replay = true)
    {
        SimulatedGpu.Reset();
        var device = CudaDevices.Open(CudaDevices.Probe(new CudaDriver(SimulatedDriver.Symbol)));
        device.ReplaysSequences = replay;
        return device;
    }
}
