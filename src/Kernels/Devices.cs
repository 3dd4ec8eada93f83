using System.Globalization;
using Faith.Kernels.Cuda;
using Faith.Kernels.Host;

namespace Faith.Kernels;

/// <summary>Opens devices by name.</summary>
public static class Devices
{
    private const string Cuda = "cuda:";

    /// <summary>Opens a device.</summary>
    /// <param name="name">"cpu"; "cuda" or "cuda:i" for the GPU of that number; "auto" for the first usable GPU, else the CPU.</param>
    /// <param name="threads">Threads of the CPU device; 0 for one a core.</param>
    /// <param name="blas">For a GPU, see <see cref="CudaDevices.Open(int?, CuBlas?)"/>.</param>
    /// <param name="probe">The GPUs to choose from; null: those of the installed driver.</param>
    /// <exception cref="ArgumentException">No such device; the message says what there is.</exception>
    /// <exception cref="CudaException">The GPU cannot be used; the message says why.</exception>
    /// <exception cref="DeviceMemoryException">The GPU is full.</exception>
    public static Device Open(string name = "auto", int threads = 0, CuBlas? blas = null, CudaProbe? probe = null)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name == "cpu") return new HostDevice(threads);
        if (name == "auto")
        {
            probe ??= CudaDevices.Probe();
            return probe.Available && probe.Devices.Any(d => d.Usable) ? CudaDevices.Open(probe, null, blas) : new HostDevice(threads);
        }
        if (name == "cuda") return CudaDevices.Open(probe ?? CudaDevices.Probe(), null, blas);
        if (name.StartsWith(Cuda, StringComparison.Ordinal) && int.TryParse(name.AsSpan(Cuda.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var ordinal))
        {
            return CudaDevices.Open(probe ?? CudaDevices.Probe(), ordinal, blas);
        }
        throw new ArgumentException($"unknown device '{name}'; known: auto, cpu, cuda, cuda:0, cuda:1, …, and of several GPUs cuda:all and cuda:0,1");
    }

    /// <summary>True for a name that stands for several GPUs: "cuda:all", "cuda:0,2".</summary>
    public static bool AreSeveral(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name == Cuda + "all" || name.StartsWith(Cuda, StringComparison.Ordinal) && name.Contains(',', StringComparison.Ordinal);
    }

    /// <summary>Opens several GPUs.</summary>
    /// <param name="name">"cuda:all" for every GPU that can be used; "cuda:0,2" for those of these numbers.</param>
    /// <param name="probe">The GPUs to choose from; null: those of the installed driver.</param>
    /// <param name="blas">See <see cref="CudaDevices.Open(int?, CuBlas?)"/>.</param>
    /// <exception cref="ArgumentException">The name does not stand for several GPUs, or names one twice.</exception>
    /// <exception cref="CudaException">A GPU cannot be used; the message says why.</exception>
    /// <exception cref="DeviceMemoryException">A GPU is full.</exception>
    public static IReadOnlyList<Device> OpenSeveral(string name, CudaProbe? probe = null, CuBlas? blas = null)
    {
        if (!AreSeveral(name)) throw new ArgumentException($"'{name}' does not name several GPUs; cuda:all and cuda:0,1 do");
        probe ??= CudaDevices.Probe();
        var ordinals = name == Cuda + "all" ? [.. probe.Devices.Where(d => d.Usable).Select(d => (int?)d.Ordinal)] : Ordinals(name);
        // Without any, opening the first says why.
        if (ordinals.Length == 0) ordinals = [null];
        var opened = new List<Device>();
        try
        {
            foreach (var ordinal in ordinals) opened.Add(CudaDevices.Open(probe, ordinal, blas));
            return opened;
        }
        catch
        {
            foreach (var device in opened) device.Dispose();
            throw;
        }
    }

    private static int?[] Ordinals(string name)
    {
        var ordinals = name[Cuda.Length..].Split(',').Select(text => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var ordinal)
            ? ordinal : throw new ArgumentException($"'{text}' is no number of a GPU; cuda:0,2 names two")).ToArray();
        if (ordinals.Distinct().Count() < ordinals.Length) throw new ArgumentException("a GPU is named twice");
        return [.. ordinals.Select(o => (int?)o)];
    }
}
