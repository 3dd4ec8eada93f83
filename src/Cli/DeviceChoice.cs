using Faith.Engine;
using Faith.Kernels;
using Faith.Kernels.Cuda;

namespace Faith.Cli;

/// <summary>Where a model runs.</summary>
/// <param name="Name">auto, cpu, cuda or cuda:i.</param>
/// <param name="Threads">Threads of the CPU; 0 for one a core.</param>
/// <param name="MemoryBytes">Most memory for activations, or null.</param>
/// <param name="Note">Says why a GPU is passed over, or that it has less memory than was thought.</param>
internal sealed record DeviceChoice(string Name, int Threads, long? MemoryBytes, Action<string> Note)
{
    /// <summary>Opens the device.</summary>
    /// <exception cref="InputException">There is no such device.</exception>
    public Device Open()
    {
        try
        {
            return Name == "auto" ? OpenBest() : Devices.Open(Name, Threads);
        }
        catch (Exception e) when (e is ArgumentException or CudaException)
        {
            throw new InputException($"--device {Name}: {e.Message}", e);
        }
    }

    // A machine without a driver has no GPU to miss; one with a driver that does not work has, and its user wants to know.
    private Device OpenBest()
    {
        var probe = CudaDevices.Probe();
        var reason = probe.Reason;
        if (probe.Available)
        {
            try
            {
                return CudaDevices.Open(probe);
            }
            catch (CudaException e)
            {
                reason = e.Message;
            }
        }
        if (probe.Driver is not null) Note($"the GPU is not used: {reason.ReplaceLineEndings(" ")}");
        return Devices.Open("cpu", Threads);
    }
}
