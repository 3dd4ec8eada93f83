using Faith.Kernels.Host;

namespace Faith.Kernels;

/// <summary>Opens devices by name.</summary>
public static class Devices
{
    /// <summary>Opens a device.</summary>
    /// <param name="name">"cpu"; "auto" takes the best that works.</param>
    /// <param name="threads">Threads of the CPU device; 0 for one a core.</param>
    /// <exception cref="ArgumentException">No such device; the message says what there is.</exception>
    public static Device Open(string name = "auto", int threads = 0) => name switch
    {
        "auto" or "cpu" => new HostDevice(threads),
        _ => throw new ArgumentException($"unknown device '{name}'; known: auto, cpu", nameof(name)),
    };
}
