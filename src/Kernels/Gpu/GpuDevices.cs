using System.Globalization;
using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;

namespace Faith.Kernels.Gpu;

/// <summary>By what a GPU is driven.</summary>
public enum GpuKind
{
    /// <summary>NVIDIA's driver.</summary>
    Cuda,
    /// <summary>OpenCL.</summary>
    OpenCl,
    /// <summary>None: kernels run as the C# that they are.</summary>
    Debugger,
}

/// <summary>One device that a driver reports.</summary>
/// <param name="Kind">By what it is driven.</param>
/// <param name="Ordinal">Its number among those of its kind, from 0.</param>
/// <param name="Model">Marketing name.</param>
/// <param name="Version">"sm_90", "OpenCL 3.0".</param>
/// <param name="IsGpu">False for a CPU that OpenCL offers.</param>
/// <param name="Multiprocessors">Multiprocessors or compute units.</param>
/// <param name="Memory">Bytes of device memory.</param>
/// <param name="Cache">Bytes of the level 2 cache.</param>
/// <param name="SharedMemory">Bytes of shared memory of a multiprocessor.</param>
/// <param name="Missing">Why it cannot be used, or empty.</param>
public sealed record GpuDeviceInfo(GpuKind Kind, int Ordinal, string Model, string Version, bool IsGpu, int Multiprocessors, long Memory, int Cache, int SharedMemory, string Missing = "")
{
    /// <summary>True where nothing is missing.</summary>
    public bool Usable => Missing.Length == 0;

    /// <summary>"cuda:0", "opencl:1".</summary>
    public string Id => string.Create(CultureInfo.InvariantCulture, $"{Kind.ToString().ToLowerInvariant()}:{Ordinal}");

    /// <summary>"cuda:0 NVIDIA H100 PCIe (sm_90)".</summary>
    public string Title => $"{Id} {Model} ({Version})";

    /// <summary>Blocks of a contraction that it works on at a time.</summary>
    internal int ContractionWave => GpuScratch.WaveOfContraction(Multiprocessors, SharedMemory);

    /// <summary>"NVIDIA H100 PCIe (sm_90, 114 multiprocessors, 79.1 GiB)", with the reason where it cannot be used.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Model} ({Version}, {Multiprocessors} multiprocessors, {Memory / (double)(1 << 30):0.0} GiB){(Usable ? "" : $"; {Missing}")}");
}

/// <summary>A GPU is not there, cannot be used, or has failed.</summary>
public sealed class GpuException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>What a driver has, and why nothing of it can be used.</summary>
/// <param name="Kind">Which driver.</param>
/// <param name="Devices">All devices, usable or not.</param>
/// <param name="Reason">Why no device can be used, or empty.</param>
/// <param name="IsInstalled">True where there is a driver.</param>
/// <param name="Version">The newest CUDA that the driver supports, 1000·major + 10·minor; 0 where it was not asked.</param>
public sealed record GpuProbe(GpuKind Kind, IReadOnlyList<GpuDeviceInfo> Devices, string Reason, bool IsInstalled, int Version = 0)
{
    /// <summary>True when at least one device can be used.</summary>
    public bool Available => Reason.Length == 0;

    /// <summary>"CUDA 12.4".</summary>
    public string VersionName => string.Create(CultureInfo.InvariantCulture, $"CUDA {Version / 1000}.{Version % 1000 / 10}");
}

/// <summary>The devices that there are to choose from, each kind listed when it is asked for.</summary>
/// <param name="cuda">Those of NVIDIA's driver; null: of the installed one.</param>
/// <param name="openCl">Those of OpenCL; null: of the installed drivers.</param>
public sealed class GpuProbes(GpuProbe? cuda = null, GpuProbe? openCl = null)
{
    private readonly bool openClIsGiven = openCl is not null;

    /// <summary>NVIDIA GPUs.</summary>
    public GpuProbe Cuda => cuda ??= GpuDevices.Probe(GpuKind.Cuda);

    /// <summary>Devices of OpenCL.</summary>
    public GpuProbe OpenCl => openCl ??= GpuDevices.Probe(GpuKind.OpenCl);

    /// <summary>What "auto" takes: a CUDA GPU that works, then an OpenCL GPU; null where there is neither.</summary>
    public GpuDeviceInfo? Best => Cuda.Devices.FirstOrDefault(d => d.Usable) ?? OpenClGpus.FirstOrDefault(d => d.Usable);

    /// <summary>Why there is nothing for "auto" to take although there is a driver of NVIDIA's or an OpenCL GPU; else empty.</summary>
    public string WhyNone => Best is not null ? "" : Cuda.IsInstalled ? Cuda.Reason : OpenClGpus.FirstOrDefault() is { } gpu ? $"{gpu.Id} cannot be used: {gpu}" : "";

    private IEnumerable<GpuDeviceInfo> OpenClGpus => openClIsGiven || GpuLibraries.HasOpenClGpu ? OpenCl.Devices.Where(d => d.IsGpu) : [];
}

/// <summary>Finds and opens GPUs.</summary>
public static unsafe class GpuDevices
{
    // ILGPU writes PTX 7.0 or newer, which came with CUDA 11.
    private const int OldestDriver = 11000;

    /// <summary>Lists the devices of a kind, or says why there are none. Never throws.</summary>
    public static GpuProbe Probe(GpuKind kind)
    {
        // Where there is no driver nothing of ILGPU is loaded.
        if (kind == GpuKind.Cuda && GpuLibraries.Cuda == 0) return new(kind, [], "the NVIDIA driver is not installed (libcuda.so.1 was not found)", false);
        if (kind == GpuKind.OpenCl && GpuLibraries.OpenCl == 0) return new(kind, [], "no OpenCL is installed (libOpenCL.so.1 was not found)", false);
        return ProbeInstalled(kind);
    }

    private static GpuProbe ProbeInstalled(GpuKind kind)
    {
        try
        {
            GpuLibraries.Install();
            return kind == GpuKind.Cuda ? ProbeCuda() : ProbeOpenCl();
        }
        catch (Exception e) when (e is AcceleratorException or GpuException or NotSupportedException or DllNotFoundException or EntryPointNotFoundException)
        {
            var what = e is AcceleratorException error ? GpuDevice.Describe(error) : e.Message.ReplaceLineEndings(" ");
            return new(kind, [], $"the {(kind == GpuKind.Cuda ? "NVIDIA driver (libcuda.so.1)" : "OpenCL loader (libOpenCL.so.1)")} does not work: {what}; install it again", true);
        }
    }

    private static GpuProbe ProbeCuda()
    {
        var library = GpuLibraries.Cuda;
        // ILGPU lists no devices where the driver does not start, and does not say why.
        var result = ((delegate* unmanaged<uint, int>)NativeLibrary.GetExport(library, "cuInit"))(0);
        if (result != 0) return new(GpuKind.Cuda, [], $"cuInit failed: {Describe(library, result)}", true);
        int version;
        _ = ((delegate* unmanaged<int*, int>)NativeLibrary.GetExport(library, "cuDriverGetVersion"))(&version);
        var none = new GpuProbe(GpuKind.Cuda, [], "the driver reports no GPU", true, version);
        if (version < OldestDriver) return none with { Reason = $"the driver supports {none.VersionName}; 11.0 or newer is needed" };
        var devices = CudaDevice.GetDevices(_ => true).Cast<CudaDevice>().Select(Describe).ToArray();
        return devices.Length == 0 ? none : none with
        {
            Devices = devices,
            Reason = devices.Any(d => d.Usable) ? "" : $"no GPU of compute capability 8.0 or higher: {string.Join("; ", devices.Select(d => d.ToString()))}",
        };
    }

    private static GpuDeviceInfo Describe(CudaDevice device)
    {
        var (major, minor) = device.Architecture is { } architecture ? (architecture.Major, architecture.Minor) : (0, 0);
        return new(GpuKind.Cuda, device.DeviceId, device.Name, $"sm_{major}{minor}", true, device.NumMultiprocessors, device.MemorySize, device.L2CacheSize, device.MaxSharedMemoryPerMultiprocessor,
            major >= 8 ? "" : "compute capability 8.0 or higher is needed");
    }

    private static string Describe(nint library, int error)
    {
        byte* text;
        var described = ((delegate* unmanaged<int, byte**, int>)NativeLibrary.GetExport(library, "cuGetErrorString"))(error, &text);
        return described == 0 ? $"{Marshal.PtrToStringUTF8((nint)text)} (error {error})" : $"error {error}";
    }

    private static GpuProbe ProbeOpenCl()
    {
        var devices = CLDevice.GetDevices(_ => true).Cast<CLDevice>().Select(Describe).ToArray();
        return new(GpuKind.OpenCl, devices, devices.Any(d => d.Usable) ? "" : devices.Length == 0 ? "no OpenCL driver (ICD) reports a device" : string.Join("; ", devices.Select(d => d.ToString())), true);
    }

    private static GpuDeviceInfo Describe(CLDevice device, int ordinal)
    {
        const int largestBlock = 256, sharedMemory = 48 << 10;
        var missing = device.MaxNumThreadsPerGroup < largestBlock ? $"blocks of {largestBlock} threads are needed, not of {device.MaxNumThreadsPerGroup}"
            : device.MaxSharedMemoryPerGroup < sharedMemory ? $"{sharedMemory >> 10} KiB of shared memory are needed, not {device.MaxSharedMemoryPerGroup >> 10}" : "";
        var isGpu = device.DeviceType.HasFlag(CLDeviceType.CL_DEVICE_TYPE_GPU);
        return new(GpuKind.OpenCl, ordinal, device.Name, $"OpenCL {device.DeviceVersion.Major}.{device.DeviceVersion.Minor}{(isGpu ? "" : ", a CPU")}", isGpu, device.NumMultiprocessors, device.MemorySize, 0,
            device.MaxSharedMemoryPerGroup, missing);
    }

    /// <summary>Opens a device that was found.</summary>
    /// <param name="info">The device.</param>
    /// <param name="blas">
    /// Does the products with float32 weights of an NVIDIA GPU instead of the device's own kernels. Which of its kernels cuBLAS takes depends on the shape, so results
    /// no longer have the same bits for any number of rows.
    /// </param>
    /// <param name="products">How an NVIDIA GPU multiplies matrices; others multiply exactly.</param>
    /// <exception cref="GpuException">It cannot be used; the message says why.</exception>
    /// <exception cref="DeviceMemoryException">It is full.</exception>
    public static GpuDevice Open(GpuDeviceInfo info, CuBlas? blas = null, Products products = Products.Exact)
    {
        ArgumentNullException.ThrowIfNull(info);
        if (!info.Usable) throw new GpuException($"{info.Id} cannot be used: {info}");
        GpuLibraries.Install();
        try
        {
            return info.Kind == GpuKind.Cuda ? new(NewContext(info.Kind), info, blas, products) : new(NewContext(info.Kind), info);
        }
        // ILGPU refuses devices that lack something with the second.
        catch (Exception e) when (e is AcceleratorException or NotSupportedException)
        {
            throw e is AcceleratorException error && GpuDevice.IsShortOfMemory(error) ? new DeviceMemoryException($"{info.Id} is full: {GpuDevice.Describe(error)}")
                : new GpuException($"{info.Id} cannot be opened: {(e is AcceleratorException failed ? GpuDevice.Describe(failed) : e.Message.ReplaceLineEndings(" "))}", e);
        }
    }

    /// <summary>
    /// Opens ILGPU's CPU accelerator, for a debugger: breakpoints in kernels hold, and every thread of a block is a thread of the system, so that an operation of a few rows takes as long as
    /// a run elsewhere. It makes no machine code for a GPU and shows nothing of what back ends do to kernels.
    /// </summary>
    public static GpuDevice OpenForDebugging() =>
        new(NewContext(GpuKind.Debugger), new(GpuKind.Debugger, 0, "ILGPU's CPU accelerator", ".NET", false, 1, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes, 0, 48 << 10));

    /// <summary>
    /// What compiles kernels: for CUDA without ILGPU's stronger optimizations, which move address arithmetic, divisions and square roots into loops; for OpenCL with
    /// them, since without the kernels need a generic address space, which not every driver has.
    /// </summary>
    /// <param name="kind">Whose devices it lists; null: none.</param>
    internal static Context NewContext(GpuKind? kind = null) => Context.Create(builder =>
    {
        if (kind == GpuKind.Cuda) builder.Cuda();
        if (kind == GpuKind.OpenCl) builder.OpenCL(_ => true);
        if (kind == GpuKind.Debugger) builder.CPU(new CPUDevice(numThreadsPerWarp: 32, numWarpsPerMultiprocessor: 32, numMultiprocessors: 1));
        builder.Optimize(kind == GpuKind.OpenCl ? OptimizationLevel.O2 : OptimizationLevel.O1).Profiling().EnableExact().EnableTensorCore();
    });

    internal static Accelerator NewAccelerator(Context context, GpuDeviceInfo info) => info.Kind switch
    {
        GpuKind.Cuda => CudaAccelerator(context, info),
        GpuKind.OpenCl => OpenClAccelerator(context, info),
        _ => context.CreateCPUAccelerator(info.Ordinal),
    };

    private static CudaAccelerator CudaAccelerator(Context context, GpuDeviceInfo info)
    {
        foreach (var device in context.GetCudaDevices())
            if (device.DeviceId == info.Ordinal) return device.CreateCudaAccelerator(context);
        throw new GpuException($"{info.Id} is no longer there");
    }

    private static CLAccelerator OpenClAccelerator(Context context, GpuDeviceInfo info)
    {
        var devices = context.GetCLDevices();
        if (info.Ordinal >= devices.Count) throw new GpuException($"{info.Id} is no longer there");
        var device = devices[info.Ordinal];
        // ILGPU asks for it, but nothing that it makes of these kernels uses it.
        if (!device.Capabilities.GenericAddressSpace) typeof(CLCapabilityContext).GetProperty(nameof(CLCapabilityContext.GenericAddressSpace))!.SetValue(device.Capabilities, true);
        return device.CreateCLAccelerator(context);
    }

    /// <summary>True for what is thrown where a device cannot be opened: <see cref="GpuException"/>, and where it is full <see cref="DeviceMemoryException"/>.</summary>
    public static bool MeansUnusable(Exception error) => error is GpuException or DeviceMemoryException;
}
