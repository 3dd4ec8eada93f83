using System.Reflection;
using System.Runtime.InteropServices;
using ILGPU;

namespace Faith.Kernels.Gpu;

/// <summary>
/// Finds the libraries of GPUs: ILGPU asks for libcuda.so and libOpenCL.so, and where no development package is installed these only exist
/// under the names of their versions.
/// </summary>
internal static class GpuLibraries
{
    private static readonly Lock Gate = new();
    private static bool s_installed;

    /// <summary>A library that stands in for the CUDA driver, or 0: the tests'.</summary>
    public static nint CudaStandIn { get; set; }

    /// <summary>Has ILGPU find them; to be called before anything of it is.</summary>
    public static void Install()
    {
        lock (Gate)
        {
            if (s_installed) return;
            NativeLibrary.SetDllImportResolver(typeof(Context).Assembly, Resolve);
            s_installed = true;
        }
    }

    /// <summary>The CUDA driver, or 0.</summary>
    public static nint Cuda => CudaStandIn != 0 ? CudaStandIn : Load(OperatingSystem.IsWindows() ? ["nvcuda.dll"] : ["libcuda.so.1", "libcuda.so"]);

    /// <summary>True where a driver of OpenCL has a GPU: asked without ILGPU, so that a machine without one need not load it.</summary>
    public static unsafe bool HasOpenClGpu
    {
        get
        {
            const ulong gpu = 4;
            const int most = 16;
            var library = OpenCl;
            if (library == 0 || !NativeLibrary.TryGetExport(library, "clGetPlatformIDs", out var getPlatforms) || !NativeLibrary.TryGetExport(library, "clGetDeviceIDs", out var getDevices)) return false;
            uint platforms, devices;
            var ids = stackalloc nint[most];
            if (((delegate* unmanaged<uint, nint*, uint*, int>)getPlatforms)(most, ids, &platforms) != 0) return false;
            for (var i = 0; i < Math.Min(platforms, most); i++)
                if (((delegate* unmanaged<nint, ulong, uint, nint*, uint*, int>)getDevices)(ids[i], gpu, 0, null, &devices) == 0 && devices > 0) return true;
            return false;
        }
    }

    /// <summary>The loader of OpenCL, or 0.</summary>
    public static nint OpenCl
    {
        get
        {
            if (OperatingSystem.IsWindows()) return Load(["OpenCL.dll"]);
            // PoCL would catch the signal of a division by zero and go on behind it, in the whole process.
            if (OperatingSystem.IsLinux()) _ = SetEnvironment("POCL_SIGFPE_HANDLER", "0", 1);
            return Load(["libOpenCL.so.1", "libOpenCL.so"]);
        }
    }

    // What the runtime sets is seen by managed code alone.
    [DllImport("libc", EntryPoint = "setenv", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    private static extern int SetEnvironment(string name, string value, int overwrite);

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path) => name.ToUpperInvariant() switch
    {
        "CUDA" or "NVCUDA" => Cuda,
        "OPENCL" => OpenCl,
        _ => 0,
    };

    private static nint Load(string[] names)
    {
        foreach (var name in names)
            if (NativeLibrary.TryLoad(name, out var handle)) return handle;
        return 0;
    }
}
