using System.Globalization;
using System.Runtime.InteropServices;

namespace Faith.Kernels.Cuda;

/// <summary>One GPU that the driver reports.</summary>
/// <param name="Ordinal">Number of the device, from 0.</param>
/// <param name="Name">Marketing name.</param>
/// <param name="Major">Compute capability before the point.</param>
/// <param name="Minor">Compute capability after the point.</param>
/// <param name="Multiprocessors">Streaming multiprocessors.</param>
/// <param name="Memory">Bytes of device memory.</param>
/// <param name="Cache">Bytes of the level 2 cache.</param>
/// <param name="SharedMemory">Bytes of shared memory of a multiprocessor.</param>
public sealed record CudaDeviceInfo(int Ordinal, string Name, int Major, int Minor, int Multiprocessors, long Memory, int Cache, int SharedMemory)
{
    /// <summary>True for compute capability 8.0 and above, which the kernels are compiled for.</summary>
    public bool Usable => Major >= 8;

    /// <summary>"NVIDIA H100 PCIe (sm_90, 114 multiprocessors, 79.1 GiB)", with the reason where it cannot be used.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Name} (sm_{Major}{Minor}, {Multiprocessors} multiprocessors, {Memory / (double)(1 << 30):0.0} GiB){(Usable ? "" : "; compute capability 8.0 or higher is needed")}");
}

/// <summary>What <see cref="CudaDevices.Probe()"/> found.</summary>
/// <param name="Driver">The loaded driver, or null.</param>
/// <param name="Devices">All devices, usable or not.</param>
/// <param name="Reason">Why no device can be used, or empty.</param>
/// <param name="Version">The newest CUDA that the driver supports, 1000·major + 10·minor; 0 where it was not asked.</param>
public sealed record CudaProbe(CudaDriver? Driver, IReadOnlyList<CudaDeviceInfo> Devices, string Reason, int Version = 0)
{
    /// <summary>True when at least one device can be used.</summary>
    public bool Available => Reason.Length == 0;

    /// <summary>"CUDA 12.4".</summary>
    public string VersionName => string.Create(CultureInfo.InvariantCulture, $"CUDA {Version / 1000}.{Version % 1000 / 10}");
}

/// <summary>Finds and opens CUDA devices.</summary>
public static unsafe class CudaDevices
{
    // Graphs are instantiated with cuGraphInstantiateWithFlags, which came with CUDA 11.4.
    private const int OldestDriver = 11040;
    private const int AttributeMultiprocessors = 16, AttributeCache = 38, AttributeMajor = 75, AttributeMinor = 76, AttributeSharedMemory = 81;

    /// <summary>Lists the devices of the installed driver, or says why there are none. Never throws.</summary>
    public static CudaProbe Probe()
    {
        var driver = CudaDriver.TryLoad(out var reason);
        return driver is null ? new(null, [], reason) : Probe(driver);
    }

    /// <summary>Lists the devices of a driver, or says why there are none. Never throws.</summary>
    public static CudaProbe Probe(CudaDriver driver)
    {
        ArgumentNullException.ThrowIfNull(driver);
        try
        {
            var result = driver.cuInit(0);
            if (result != 0)
                return new(driver, [], $"cuInit failed: {driver.Describe(result)}");
            int version, count;
            driver.Check(driver.cuDriverGetVersion(&version));
            var none = new CudaProbe(driver, [], "the driver reports no GPU", version);
            if (version < OldestDriver)
                return none with { Reason = $"the driver supports {none.VersionName}; 11.4 or newer is needed" };
            driver.Check(driver.cuDeviceGetCount(&count));
            var devices = Enumerable.Range(0, count).Select(ordinal => Describe(driver, ordinal)).ToArray();
            return devices.Length == 0 ? none : none with
            {
                Devices = devices,
                Reason = devices.Any(d => d.Usable) ? "" : $"no GPU of compute capability 8.0 or higher: {string.Join("; ", devices.Select(d => d.ToString()))}",
            };
        }
        catch (Exception e) when (MeansUnusable(e))
        {
            return new(driver, [], e.Message);
        }
    }

    /// <summary>Opens a device.</summary>
    /// <param name="ordinal">Number of the device; null for the first one that can be used.</param>
    /// <param name="blas">
    /// Does the products with float32 weights instead of the device's own kernels. Which of its kernels cuBLAS takes depends on the
    /// shape, so results no longer have the same bits for any number of rows.
    /// </param>
    /// <exception cref="CudaException">It is not there or cannot be used; the message says why.</exception>
    /// <exception cref="DeviceMemoryException">It is full.</exception>
    public static CudaDevice Open(int? ordinal = null, CuBlas? blas = null) => Open(Probe(), ordinal, blas);

    /// <summary>Opens a device that was found.</summary>
    /// <inheritdoc cref="Open(int?, CuBlas?)"/>
    public static CudaDevice Open(CudaProbe probe, int? ordinal = null, CuBlas? blas = null)
    {
        ArgumentNullException.ThrowIfNull(probe);
        var info = probe.Devices.FirstOrDefault(d => ordinal is { } wanted ? d.Ordinal == wanted : d.Usable);
        if (info is null)
            throw new CudaException($"CUDA is not available: {(probe.Reason.Length > 0 ? probe.Reason : $"there is no device {ordinal}; the driver reports {probe.Devices.Count}")}");
        return info.Usable ? new(probe.Driver!, info, blas: blas) : throw new CudaException($"CUDA device {info.Ordinal} cannot be used: {info}");
    }

    /// <summary>True for what is thrown where a device cannot be opened: <see cref="CudaException"/>, and where it is full <see cref="DeviceMemoryException"/>.</summary>
    public static bool MeansUnusable(Exception error) => error is CudaException or DeviceMemoryException;

    private static CudaDeviceInfo Describe(CudaDriver driver, int ordinal)
    {
        int handle;
        nuint memory;
        var name = stackalloc byte[256];
        driver.Check(driver.cuDeviceGet(&handle, ordinal));
        var device = handle;
        driver.Check(driver.cuDeviceGetName(name, 256, device));
        driver.Check(driver.cuDeviceTotalMem(&memory, device));
        int Attribute(int attribute)
        {
            int value;
            driver.Check(driver.cuDeviceGetAttribute(&value, attribute, device));
            return value;
        }
        return new(ordinal, Marshal.PtrToStringUTF8((nint)name) ?? "", Attribute(AttributeMajor), Attribute(AttributeMinor),
            Attribute(AttributeMultiprocessors), (long)memory, Attribute(AttributeCache), Attribute(AttributeSharedMemory));
    }
}
