using Faith.Engine;
using Faith.Kernels;

namespace Faith.Cli;

/// <summary>Where a model runs.</summary>
/// <param name="Name">auto, cpu, cuda or cuda:i.</param>
/// <param name="Threads">Threads of the CPU; 0 for one a core.</param>
/// <param name="MemoryBytes">Most memory for activations, or null.</param>
internal sealed record DeviceChoice(string Name, int Threads, long? MemoryBytes)
{
    /// <summary>Opens the device.</summary>
    /// <exception cref="InputException">There is no such device.</exception>
    public Device Open()
    {
        try
        {
            return Devices.Open(Name, Threads);
        }
        catch (Exception e) when (e is ArgumentException or Faith.Kernels.Cuda.CudaException)
        {
            throw new InputException($"--device: {e.Message}", e);
        }
    }
}
