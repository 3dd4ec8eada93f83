using System.Globalization;
using Faith.Kernels.Cuda;
using Faith.Kernels.Host;

namespace Faith.Kernels;

/// <summary>Opens devices by name.</summary>
public static class Devices
{
    /// <summary>Opens a device.</summary>
    /// <param name="name">"cpu"; "cuda" or "cuda:i" for the GPU of that number; "auto" for the first usable GPU, else the CPU.</param>
    /// <param name="threads">Threads of the CPU device; 0 for one a core.</param>
    /// <exception cref="ArgumentException">No such device; the message says what there is.</exception>
    /// <exception cref="CudaException">The GPU cannot be used; the message says why.</exception>
    public static Device Open(string name = "auto", int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name == "cpu") return new HostDevice(threads);
        if (name == "auto")
        {
            var probe = CudaDevices.Probe();
            return probe.Available && probe.Devices.Any(d => d.Usable) ? CudaDevices.Open(probe) : new HostDevice(threads);
        }
        if (name == "cuda") return CudaDevices.Open();
        if (name.StartsWith("cuda:", StringComparison.Ordinal) && int.TryParse(name.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out var ordinal))
        {
            return CudaDevices.Open(ordinal);
        }
        throw new ArgumentException($"unknown device '{name}'; known: auto, cpu, cuda, cuda:0, cuda:1, …");
    }
}
