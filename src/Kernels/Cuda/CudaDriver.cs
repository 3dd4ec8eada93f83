using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Faith.Kernels.Cuda;

/// <summary>
/// The functions of the CUDA driver that the device uses, as unmanaged function pointers looked up by name at run time.
/// Nothing of CUDA is needed to build or to start: without a driver <see cref="TryLoad"/> says why there is none.
/// </summary>
public sealed unsafe class CudaDriver
{
    // Names and signatures are those of cuda.h: a CUdevice is an int, a CUdeviceptr a nint, every other handle a pointer.
    internal readonly delegate* unmanaged<uint, int> cuInit;
    internal readonly delegate* unmanaged<int*, int> cuDriverGetVersion;
    internal readonly delegate* unmanaged<int, byte**, int> cuGetErrorName;
    internal readonly delegate* unmanaged<int, byte**, int> cuGetErrorString;
    internal readonly delegate* unmanaged<int*, int> cuDeviceGetCount;
    internal readonly delegate* unmanaged<int*, int, int> cuDeviceGet;
    internal readonly delegate* unmanaged<byte*, int, int, int> cuDeviceGetName;
    internal readonly delegate* unmanaged<int*, int, int, int> cuDeviceGetAttribute;
    internal readonly delegate* unmanaged<nuint*, int, int> cuDeviceTotalMem;
    internal readonly delegate* unmanaged<nint*, int, int> cuDevicePrimaryCtxRetain;
    internal readonly delegate* unmanaged<int, int> cuDevicePrimaryCtxRelease;
    internal readonly delegate* unmanaged<nint, int> cuCtxSetCurrent;
    internal readonly delegate* unmanaged<nuint*, nuint*, int> cuMemGetInfo;
    internal readonly delegate* unmanaged<nint*, nuint, int> cuMemAlloc;
    internal readonly delegate* unmanaged<nint, int> cuMemFree;
    internal readonly delegate* unmanaged<nint*, nuint, int> cuMemAllocHost;
    internal readonly delegate* unmanaged<nint, int> cuMemFreeHost;
    internal readonly delegate* unmanaged<nint, nint, nuint, nint, int> cuMemcpyHtoDAsync;
    internal readonly delegate* unmanaged<nint, nint, nuint, nint, int> cuMemcpyDtoHAsync;
    internal readonly delegate* unmanaged<nint, byte, nuint, nint, int> cuMemsetD8Async;
    internal readonly delegate* unmanaged<nint*, uint, int> cuStreamCreate;
    internal readonly delegate* unmanaged<nint, int> cuStreamSynchronize;
    internal readonly delegate* unmanaged<nint, int> cuStreamDestroy;
    internal readonly delegate* unmanaged<nint*, uint, int> cuEventCreate;
    internal readonly delegate* unmanaged<nint, nint, int> cuEventRecord;
    internal readonly delegate* unmanaged<nint, int> cuEventSynchronize;
    internal readonly delegate* unmanaged<float*, nint, nint, int> cuEventElapsedTime;
    internal readonly delegate* unmanaged<nint, int> cuEventDestroy;
    internal readonly delegate* unmanaged<nint*, byte*, uint, int*, void**, int> cuModuleLoadDataEx;
    internal readonly delegate* unmanaged<nint, int> cuModuleUnload;
    internal readonly delegate* unmanaged<nint*, nint, byte*, int> cuModuleGetFunction;
    internal readonly delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, void**, void**, int> cuLaunchKernel;
    internal readonly delegate* unmanaged<nint*, uint, int> cuGraphCreate;
    internal readonly delegate* unmanaged<nint*, nint, nint*, nuint, CudaGraph.NodeParameters*, int> cuGraphAddKernelNode;
    internal readonly delegate* unmanaged<nint, nint, CudaGraph.NodeParameters*, int> cuGraphExecKernelNodeSetParams;
    internal readonly delegate* unmanaged<nint*, nint, ulong, int> cuGraphInstantiateWithFlags;
    internal readonly delegate* unmanaged<nint, nint, int> cuGraphLaunch;
    internal readonly delegate* unmanaged<nint, int> cuGraphExecDestroy;
    internal readonly delegate* unmanaged<nint, int> cuGraphDestroy;

    /// <summary>Fills the table.</summary>
    /// <param name="symbol">Address of an exported function by its name in the library, or 0 where there is none.</param>
    /// <exception cref="CudaException">A function is missing.</exception>
    public CudaDriver(Func<string, nint> symbol)
    {
        ArgumentNullException.ThrowIfNull(symbol);
        void* Get(string name)
        {
            var address = symbol(name);
            return address != 0 ? (void*)address
                : throw new CudaException($"the CUDA driver has no function {name}; a newer NVIDIA driver is needed");
        }

        cuInit = (delegate* unmanaged<uint, int>)Get("cuInit");
        cuDriverGetVersion = (delegate* unmanaged<int*, int>)Get("cuDriverGetVersion");
        cuGetErrorName = (delegate* unmanaged<int, byte**, int>)Get("cuGetErrorName");
        cuGetErrorString = (delegate* unmanaged<int, byte**, int>)Get("cuGetErrorString");
        cuDeviceGetCount = (delegate* unmanaged<int*, int>)Get("cuDeviceGetCount");
        cuDeviceGet = (delegate* unmanaged<int*, int, int>)Get("cuDeviceGet");
        cuDeviceGetName = (delegate* unmanaged<byte*, int, int, int>)Get("cuDeviceGetName");
        cuDeviceGetAttribute = (delegate* unmanaged<int*, int, int, int>)Get("cuDeviceGetAttribute");
        cuDeviceTotalMem = (delegate* unmanaged<nuint*, int, int>)Get("cuDeviceTotalMem_v2");
        cuDevicePrimaryCtxRetain = (delegate* unmanaged<nint*, int, int>)Get("cuDevicePrimaryCtxRetain");
        cuDevicePrimaryCtxRelease = (delegate* unmanaged<int, int>)Get("cuDevicePrimaryCtxRelease_v2");
        cuCtxSetCurrent = (delegate* unmanaged<nint, int>)Get("cuCtxSetCurrent");
        cuMemGetInfo = (delegate* unmanaged<nuint*, nuint*, int>)Get("cuMemGetInfo_v2");
        cuMemAlloc = (delegate* unmanaged<nint*, nuint, int>)Get("cuMemAlloc_v2");
        cuMemFree = (delegate* unmanaged<nint, int>)Get("cuMemFree_v2");
        cuMemAllocHost = (delegate* unmanaged<nint*, nuint, int>)Get("cuMemAllocHost_v2");
        cuMemFreeHost = (delegate* unmanaged<nint, int>)Get("cuMemFreeHost");
        cuMemcpyHtoDAsync = (delegate* unmanaged<nint, nint, nuint, nint, int>)Get("cuMemcpyHtoDAsync_v2");
        cuMemcpyDtoHAsync = (delegate* unmanaged<nint, nint, nuint, nint, int>)Get("cuMemcpyDtoHAsync_v2");
        cuMemsetD8Async = (delegate* unmanaged<nint, byte, nuint, nint, int>)Get("cuMemsetD8Async");
        cuStreamCreate = (delegate* unmanaged<nint*, uint, int>)Get("cuStreamCreate");
        cuStreamSynchronize = (delegate* unmanaged<nint, int>)Get("cuStreamSynchronize");
        cuStreamDestroy = (delegate* unmanaged<nint, int>)Get("cuStreamDestroy_v2");
        cuEventCreate = (delegate* unmanaged<nint*, uint, int>)Get("cuEventCreate");
        cuEventRecord = (delegate* unmanaged<nint, nint, int>)Get("cuEventRecord");
        cuEventSynchronize = (delegate* unmanaged<nint, int>)Get("cuEventSynchronize");
        cuEventElapsedTime = (delegate* unmanaged<float*, nint, nint, int>)Get("cuEventElapsedTime");
        cuEventDestroy = (delegate* unmanaged<nint, int>)Get("cuEventDestroy_v2");
        cuModuleLoadDataEx = (delegate* unmanaged<nint*, byte*, uint, int*, void**, int>)Get("cuModuleLoadDataEx");
        cuModuleUnload = (delegate* unmanaged<nint, int>)Get("cuModuleUnload");
        cuModuleGetFunction = (delegate* unmanaged<nint*, nint, byte*, int>)Get("cuModuleGetFunction");
        cuLaunchKernel =
            (delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, void**, void**, int>)Get("cuLaunchKernel");
        cuGraphCreate = (delegate* unmanaged<nint*, uint, int>)Get("cuGraphCreate");
        cuGraphAddKernelNode = (delegate* unmanaged<nint*, nint, nint*, nuint, CudaGraph.NodeParameters*, int>)Get("cuGraphAddKernelNode");
        cuGraphExecKernelNodeSetParams =
            (delegate* unmanaged<nint, nint, CudaGraph.NodeParameters*, int>)Get("cuGraphExecKernelNodeSetParams");
        cuGraphInstantiateWithFlags = (delegate* unmanaged<nint*, nint, ulong, int>)Get("cuGraphInstantiateWithFlags");
        cuGraphLaunch = (delegate* unmanaged<nint, nint, int>)Get("cuGraphLaunch");
        cuGraphExecDestroy = (delegate* unmanaged<nint, int>)Get("cuGraphExecDestroy");
        cuGraphDestroy = (delegate* unmanaged<nint, int>)Get("cuGraphDestroy");
    }

    /// <summary>Loads the installed driver.</summary>
    /// <param name="reason">Why there is none, as an end of "not available: …"; empty on success.</param>
    /// <param name="libraries">Names to try instead of the system's driver library.</param>
    public static CudaDriver? TryLoad(out string reason, params ReadOnlySpan<string> libraries)
    {
        if (libraries.IsEmpty)
            libraries = OperatingSystem.IsWindows() ? ["nvcuda.dll"] : ["libcuda.so.1", "libcuda.so"];
        return NativeFunctions.TryLoad(libraries, symbol => new CudaDriver(symbol), $"the NVIDIA driver ({libraries[0]}) is not installed", out reason);
    }

    /// <summary>Throws when a call failed; the message holds the call as written, the code, its name and its meaning.</summary>
    internal void Check(int result, [CallerArgumentExpression(nameof(result))] string call = "")
    {
        if (result != 0)
            throw Error(result, call);
    }

    internal Exception Error(int result, string call, string? detail = null)
    {
        var message = $"{ShortCall(call)} failed: {Describe(result)}{(detail is null ? "" : "\n" + detail)}";
        return result == CudaException.OutOfMemory ? new DeviceMemoryException(message) : new CudaException(message, result);
    }

    /// <summary>Name, number and meaning of a result code.</summary>
    internal string Describe(int result)
    {
        byte* name = null, text = null;
        var known = cuGetErrorName(result, &name) == 0 && name != null;
        var explained = cuGetErrorString(result, &text) == 0 && text != null;
        // Those of which cuda.h says that the process must be started again, and a failed assert, which takes the context along.
        var lost = result is 700 or 702 or 710 or (>= 714 and <= 719)
            ? "; the device is lost to this process: start the program again" : "";
        return $"{(known ? Marshal.PtrToStringUTF8((nint)name) : "CUDA error")} ({result}): {(explained ? Marshal.PtrToStringUTF8((nint)text) : "unknown error")}{lost}";
    }

    // "driver.cuMemAlloc(&address, (nuint)bytes)" → "cuMemAlloc(&address, (nuint)bytes)"
    private static string ShortCall(string call)
    {
        var start = call.IndexOf("cu", StringComparison.Ordinal);
        return start > 0 && call[start - 1] == '.' ? call[start..] : call;
    }
}

/// <summary>A call of the CUDA driver failed, or the driver cannot be used.</summary>
public sealed class CudaException(string message, int code = 0) : Exception(message)
{
    internal const int OutOfMemory = 2;

    /// <summary>The driver's result code, or 0 where no call was made.</summary>
    public int Code { get; } = code;
}
