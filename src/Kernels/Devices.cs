using System.Globalization;
using System.Runtime.CompilerServices;
using Faith.Kernels.Gpu;
using Faith.Kernels.Host;

namespace Faith.Kernels;

/// <summary>Opens devices by name.</summary>
public static class Devices
{
    private const string Cuda = "cuda", OpenCl = "opencl";

    /// <summary>Opens a device.</summary>
    /// <param name="name">"cpu"; "cuda" or "cuda:i" for the NVIDIA GPU of that number; "opencl" or "opencl:i" for a device of OpenCL; "auto" for the best GPU, else the CPU.</param>
    /// <param name="threads">Threads of the CPU device; 0 for one a core.</param>
    /// <param name="blas">For an NVIDIA GPU, see <see cref="GpuDevices.Open(GpuDeviceInfo, CuBlas?, Products)"/>.</param>
    /// <param name="probes">The GPUs to choose from; null: those that are installed.</param>
    /// <param name="products">How an NVIDIA GPU multiplies matrices.</param>
    /// <exception cref="ArgumentException">No such device; the message says what there is.</exception>
    /// <exception cref="GpuException">The GPU cannot be used; the message says why.</exception>
    /// <exception cref="DeviceMemoryException">The GPU is full.</exception>
    public static Device Open(string name = "auto", int threads = 0, CuBlas? blas = null, GpuProbes? probes = null, Products products = Products.Exact)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name == "cpu") return new HostDevice(threads);
        probes ??= new();
        if (name == "auto") return probes.Best is { } best ? Open(best, blas, products) : new HostDevice(threads);
        var colon = name.IndexOf(':', StringComparison.Ordinal);
        var kind = colon < 0 ? name : name[..colon];
        int? ordinal = colon < 0 ? null : int.TryParse(name.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : -1;
        if (kind is not (Cuda or OpenCl) || ordinal < 0)
            throw new ArgumentException($"unknown device '{name}'; known: auto, cpu, cuda, cuda:0, cuda:1, …, opencl, opencl:0, …, and of several NVIDIA GPUs cuda:all and cuda:0,1");
        return Open(Find(kind == Cuda ? probes.Cuda : probes.OpenCl, ordinal), blas, products);
    }

    /// <summary>Opens a GPU that was found. Apart, so that nothing of ILGPU is loaded where none is.</summary>
    /// <inheritdoc cref="GpuDevices.Open(GpuDeviceInfo, CuBlas?, Products)"/>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Device Open(GpuDeviceInfo info, CuBlas? blas = null, Products products = Products.Exact) => GpuDevices.Open(info, blas, products);

    // The device of that number, or the first that can be used.
    private static GpuDeviceInfo Find(GpuProbe probe, int? ordinal) => probe.Devices.FirstOrDefault(d => ordinal is { } wanted ? d.Ordinal == wanted : d.Usable)
        ?? throw new GpuException($"{(probe.Kind == GpuKind.Cuda ? "CUDA" : "OpenCL")} is not available: {(probe.Reason.Length > 0 ? probe.Reason : $"there is no device {ordinal}; the driver reports {probe.Devices.Count}")}");

    /// <summary>True for a name that stands for several GPUs: "cuda:all", "cuda:0,2".</summary>
    public static bool AreSeveral(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name == Cuda + ":all" || name.StartsWith(Cuda + ":", StringComparison.Ordinal) && name.Contains(',', StringComparison.Ordinal);
    }

    /// <summary>Opens several NVIDIA GPUs.</summary>
    /// <param name="name">"cuda:all" for every GPU that can be used; "cuda:0,2" for those of these numbers.</param>
    /// <param name="probes">The GPUs to choose from; null: those that are installed.</param>
    /// <param name="blas">See <see cref="GpuDevices.Open(GpuDeviceInfo, CuBlas?, Products)"/>.</param>
    /// <param name="products">How they multiply matrices.</param>
    /// <exception cref="ArgumentException">The name does not stand for several GPUs, or names one twice.</exception>
    /// <exception cref="GpuException">A GPU cannot be used; the message says why.</exception>
    /// <exception cref="DeviceMemoryException">A GPU is full.</exception>
    public static IReadOnlyList<Device> OpenSeveral(string name, GpuProbes? probes = null, CuBlas? blas = null, Products products = Products.Exact)
    {
        if (!AreSeveral(name)) throw new ArgumentException($"'{name}' does not name several GPUs; cuda:all and cuda:0,1 do");
        var probe = (probes ?? new()).Cuda;
        int?[] ordinals = name == Cuda + ":all" ? [.. probe.Devices.Where(d => d.Usable).Select(d => (int?)d.Ordinal)] : Ordinals(name);
        // Without any, opening the first says why.
        if (ordinals.Length == 0) ordinals = [null];
        var opened = new List<Device>();
        try
        {
            foreach (var ordinal in ordinals) opened.Add(Open(Find(probe, ordinal), blas, products));
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
        var ordinals = name[(Cuda.Length + 1)..].Split(',').Select(text => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var ordinal)
            ? ordinal : throw new ArgumentException($"'{text}' is no number of a GPU; cuda:0,2 names two")).ToArray();
        if (ordinals.Distinct().Count() < ordinals.Length) throw new ArgumentException("a GPU is named twice");
        return [.. ordinals.Select(o => (int?)o)];
    }
}
