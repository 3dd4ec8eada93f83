using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace Faith.PtxInterpreter;

/// <summary>
/// A CUDA driver in managed code: the functions of cuda.h that an engine may call, run on <see cref="SimulatedGpu"/>. Streams
/// do their work at once.
/// </summary>
public static unsafe partial class SimulatedDriver
{
    /// <summary>CUDA_ERROR_OUT_OF_MEMORY.</summary>
    public const int OutOfMemory = 2;
    private const int InvalidValue = 1, NotInitialized = 3, NoDevice = 100, InvalidDevice = 101, InvalidPtx = 218,
        InvalidContext = 201, InvalidHandle = 400,
        NotFound = 500, LaunchFailed = 719;

    // Every device has a context of its own: this plus the device's number.
    private const nint FirstContext = 0x77;

    private sealed record Stream;
    private sealed record Event { public long Time { get; set; } }
    private sealed record Module(Dictionary<string, PtxKernel> Kernels)
    {
        public List<nint> Functions { get; } = [];
    }

    private static readonly Dictionary<int, nint> Texts = [];

    [ThreadStatic] private static nint t_current;

    private static int CurrentDevice => (int)(t_current - FirstContext);

    private static readonly Dictionary<string, nint> Functions = new()
    {
        ["cuInit"] = (nint)(delegate* unmanaged<uint, int>)&Init,
        ["cuDriverGetVersion"] = (nint)(delegate* unmanaged<int*, int>)&DriverGetVersion,
        ["cuGetErrorName"] = (nint)(delegate* unmanaged<int, byte**, int>)&GetErrorName,
        ["cuGetErrorString"] = (nint)(delegate* unmanaged<int, byte**, int>)&GetErrorString,
        ["cuDeviceGetCount"] = (nint)(delegate* unmanaged<int*, int>)&DeviceGetCount,
        ["cuDeviceGet"] = (nint)(delegate* unmanaged<int*, int, int>)&DeviceGet,
        ["cuDeviceGetName"] = (nint)(delegate* unmanaged<byte*, int, int, int>)&DeviceGetName,
        ["cuDeviceGetAttribute"] = (nint)(delegate* unmanaged<int*, int, int, int>)&DeviceGetAttribute,
        ["cuDeviceTotalMem_v2"] = (nint)(delegate* unmanaged<nuint*, int, int>)&DeviceTotalMem,
        ["cuDevicePrimaryCtxRetain"] = (nint)(delegate* unmanaged<nint*, int, int>)&PrimaryCtxRetain,
        ["cuDevicePrimaryCtxRelease_v2"] = (nint)(delegate* unmanaged<int, int>)&PrimaryCtxRelease,
        ["cuCtxSetCurrent"] = (nint)(delegate* unmanaged<nint, int>)&CtxSetCurrent,
        ["cuMemGetInfo_v2"] = (nint)(delegate* unmanaged<nuint*, nuint*, int>)&MemGetInfo,
        ["cuMemAlloc_v2"] = (nint)(delegate* unmanaged<nint*, nuint, int>)&MemAlloc,
        ["cuMemFree_v2"] = (nint)(delegate* unmanaged<nint, int>)&MemFree,
        ["cuMemAllocHost_v2"] = (nint)(delegate* unmanaged<nint*, nuint, int>)&MemAllocHost,
        ["cuMemFreeHost"] = (nint)(delegate* unmanaged<nint, int>)&MemFreeHost,
        ["cuMemcpyHtoDAsync_v2"] = (nint)(delegate* unmanaged<nint, nint, nuint, nint, int>)&MemcpyHtoD,
        ["cuMemcpyDtoHAsync_v2"] = (nint)(delegate* unmanaged<nint, nint, nuint, nint, int>)&MemcpyDtoH,
        ["cuMemsetD8Async"] = (nint)(delegate* unmanaged<nint, byte, nuint, nint, int>)&MemsetD8,
        ["cuStreamCreate"] = (nint)(delegate* unmanaged<nint*, uint, int>)&StreamCreate,
        ["cuStreamSynchronize"] = (nint)(delegate* unmanaged<nint, int>)&StreamSynchronize,
        ["cuStreamDestroy_v2"] = (nint)(delegate* unmanaged<nint, int>)&Destroy,
        ["cuEventCreate"] = (nint)(delegate* unmanaged<nint*, uint, int>)&EventCreate,
        ["cuEventRecord"] = (nint)(delegate* unmanaged<nint, nint, int>)&EventRecord,
        ["cuEventSynchronize"] = (nint)(delegate* unmanaged<nint, int>)&EventSynchronize,
        ["cuEventElapsedTime"] = (nint)(delegate* unmanaged<float*, nint, nint, int>)&EventElapsedTime,
        ["cuEventDestroy_v2"] = (nint)(delegate* unmanaged<nint, int>)&Destroy,
        ["cuModuleLoadDataEx"] = (nint)(delegate* unmanaged<nint*, byte*, uint, int*, void**, int>)&ModuleLoadDataEx,
        ["cuModuleUnload"] = (nint)(delegate* unmanaged<nint, int>)&ModuleUnload,
        ["cuModuleGetFunction"] = (nint)(delegate* unmanaged<nint*, nint, byte*, int>)&ModuleGetFunction,
        ["cuLaunchKernel"] = (nint)(delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, void**, void**,
            int>)&LaunchKernel,
        ["cuGraphCreate"] = (nint)(delegate* unmanaged<nint*, uint, int>)&GraphCreate,
        ["cuGraphAddKernelNode"] = (nint)(delegate* unmanaged<nint*, nint, nint*, nuint, NodeParameters*, int>)&GraphAddKernelNode,
        ["cuGraphExecKernelNodeSetParams"] = (nint)(delegate* unmanaged<nint, nint, NodeParameters*, int>)&GraphExecKernelNodeSetParams,
        ["cuGraphInstantiateWithFlags"] = (nint)(delegate* unmanaged<nint*, nint, ulong, int>)&GraphInstantiate,
        ["cuGraphLaunch"] = (nint)(delegate* unmanaged<nint, nint, int>)&GraphLaunch,
        ["cuGraphExecDestroy"] = (nint)(delegate* unmanaged<nint, int>)&Destroy,
        ["cuGraphDestroy"] = (nint)(delegate* unmanaged<nint, int>)&GraphDestroy,
    };

    /// <summary>Address of a driver function by its exported name, or 0.</summary>
    public static nint Symbol(string name) => Functions.GetValueOrDefault(name);

    // ---- errors ----

    private static nint Text(int key, string text)
    {
        lock (Texts)
        {
            if (!Texts.TryGetValue(key, out var address))
                Texts.Add(key, address = Marshal.StringToCoTaskMemUTF8(text));
            return address;
        }
    }

    [UnmanagedCallersOnly]
    private static int GetErrorName(int error, byte** name)
    {
        *name = (byte*)Text(error, error switch
        {
            InvalidValue => "CUDA_ERROR_INVALID_VALUE",
            OutOfMemory => "CUDA_ERROR_OUT_OF_MEMORY",
            NotInitialized => "CUDA_ERROR_NOT_INITIALIZED",
            NoDevice => "CUDA_ERROR_NO_DEVICE",
            InvalidDevice => "CUDA_ERROR_INVALID_DEVICE",
            InvalidContext => "CUDA_ERROR_INVALID_CONTEXT",
            InvalidPtx => "CUDA_ERROR_INVALID_PTX",
            InvalidHandle => "CUDA_ERROR_INVALID_HANDLE",
            NotFound => "CUDA_ERROR_NOT_FOUND",
            LaunchFailed => "CUDA_ERROR_LAUNCH_FAILED",
            _ => "CUDA_ERROR_UNKNOWN",
        });
        return 0;
    }

    // What a real driver cannot tell stands here: which rule a kernel broke, and where.
    [UnmanagedCallersOnly]
    private static int GetErrorString(int error, byte** text)
    {
        *text = (byte*)(error == LaunchFailed && SimulatedGpu.Fault is { } fault ? Text(fault.Message.GetHashCode(), fault.Message)
            : Text(-error - 1, $"simulated error {error}"));
        return 0;
    }

    // Every call but those that release needs a context and, as on a real device, fails after a fault.
    private static int Ready() => t_current < FirstContext || t_current >= FirstContext + SimulatedGpu.Devices ? InvalidContext : SimulatedGpu.Fault is null ? 0 : LaunchFailed;

    // ---- devices ----

    [UnmanagedCallersOnly]
    private static int Init(uint flags) => SimulatedGpu.InitResult;

    [UnmanagedCallersOnly]
    private static int DriverGetVersion(int* version)
    {
        *version = SimulatedGpu.DriverVersion;
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int DeviceGetCount(int* count)
    {
        *count = SimulatedGpu.Devices;
        return SimulatedGpu.InitResult == 0 ? 0 : NotInitialized;
    }

    [UnmanagedCallersOnly]
    private static int DeviceGet(int* device, int ordinal)
    {
        *device = ordinal;
        return ordinal >= 0 && ordinal < SimulatedGpu.Devices ? 0 : InvalidDevice;
    }

    [UnmanagedCallersOnly]
    private static int DeviceGetName(byte* name, int length, int device)
    {
        var bytes = Encoding.UTF8.GetBytes("Simulated GPU\0");
        bytes.AsSpan(0, Math.Min(length, bytes.Length)).CopyTo(new(name, length));
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int DeviceGetAttribute(int* value, int attribute, int device)
    {
        *value = attribute switch { 16 => SimulatedGpu.Multiprocessors, 38 => 1 << 20, 75 => SimulatedGpu.Capability.Major,
            76 => SimulatedGpu.Capability.Minor, 81 => 100 << 10, _ => -1 };
        return *value < 0 ? InvalidValue : 0;
    }

    [UnmanagedCallersOnly]
    private static int DeviceTotalMem(nuint* bytes, int device)
    {
        *bytes = (nuint)SimulatedGpu.MemoryOf(device);
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int PrimaryCtxRetain(nint* context, int device)
    {
        *context = FirstContext + device;
        return SimulatedGpu.ContextResult;
    }

    [UnmanagedCallersOnly]
    private static int PrimaryCtxRelease(int device) => 0;

    [UnmanagedCallersOnly]
    private static int CtxSetCurrent(nint context)
    {
        t_current = context;
        return 0;
    }

    // ---- memory ----

    [UnmanagedCallersOnly]
    private static int MemGetInfo(nuint* free, nuint* total)
    {
        *total = (nuint)SimulatedGpu.MemoryOf(CurrentDevice);
        *free = (nuint)SimulatedGpu.FreeOf(CurrentDevice);
        return Ready();
    }

    [UnmanagedCallersOnly]
    private static int MemAlloc(nint* address, nuint bytes)
    {
        if (Ready() is not 0 and var error)
            return error;
        if (bytes == 0)
            return InvalidValue;
        if ((long)bytes > SimulatedGpu.FreeOf(CurrentDevice))
            return OutOfMemory;
        *address = (nint)SimulatedGpu.Memory.Allocate((long)bytes, CurrentDevice);
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int MemFree(nint address) => SimulatedGpu.Memory.Free((ulong)address) ? 0 : InvalidValue;

    [UnmanagedCallersOnly]
    private static int MemAllocHost(nint* address, nuint bytes)
    {
        *address = (nint)NativeMemory.AlignedAlloc(bytes, 4096);
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int MemFreeHost(nint address)
    {
        NativeMemory.AlignedFree((void*)address);
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int MemcpyHtoD(nint destination, nint source, nuint bytes, nint stream) => Copy(destination, source, bytes, destination);

    [UnmanagedCallersOnly]
    private static int MemcpyDtoH(nint destination, nint source, nuint bytes, nint stream) => Copy(destination, source, bytes, source);

    private static int Copy(nint destination, nint source, nuint bytes, nint onDevice)
    {
        if (Ready() is not 0 and var error)
            return error;
        if (!SimulatedGpu.Memory.Contains((ulong)onDevice, bytes))
            return InvalidValue;
        SimulatedGpu.Copies++;
        NativeMemory.Copy((void*)source, (void*)destination, bytes);
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int MemsetD8(nint destination, byte value, nuint count, nint stream)
    {
        if (Ready() is not 0 and var error)
            return error;
        if (!SimulatedGpu.Memory.Contains((ulong)destination, count))
            return InvalidValue;
        NativeMemory.Fill((void*)destination, count, value);
        return 0;
    }

    // ---- streams and events ----

    [UnmanagedCallersOnly]
    private static int StreamCreate(nint* stream, uint flags)
    {
        *stream = SimulatedGpu.Add(new Stream());
        return Ready();
    }

    [UnmanagedCallersOnly]
    private static int StreamSynchronize(nint stream)
    {
        SimulatedGpu.Waits++;
        return SimulatedGpu.Get<Stream>(stream) is null ? InvalidHandle : Ready();
    }

    [UnmanagedCallersOnly]
    private static int EventCreate(nint* created, uint flags)
    {
        *created = SimulatedGpu.Add(new Event());
        return Ready();
    }

    [UnmanagedCallersOnly]
    private static int EventRecord(nint recorded, nint stream)
    {
        if (SimulatedGpu.Get<Event>(recorded) is not { } item)
            return InvalidHandle;
        item.Time = Stopwatch.GetTimestamp();
        return Ready();
    }

    [UnmanagedCallersOnly]
    private static int EventSynchronize(nint recorded) => SimulatedGpu.Get<Event>(recorded) is null ? InvalidHandle : Ready();

    [UnmanagedCallersOnly]
    private static int EventElapsedTime(float* milliseconds, nint start, nint end)
    {
        if (SimulatedGpu.Get<Event>(start) is not { } first || SimulatedGpu.Get<Event>(end) is not { } last)
            return InvalidHandle;
        *milliseconds = (float)Stopwatch.GetElapsedTime(first.Time, last.Time).TotalMilliseconds;
        return Ready();
    }

    [UnmanagedCallersOnly]
    private static int Destroy(nint handle) => SimulatedGpu.Remove(handle) ? 0 : InvalidHandle;

    // ---- modules and launches ----

    [UnmanagedCallersOnly]
    private static int ModuleLoadDataEx(nint* module, byte* image, uint count, int* options, void** values)
    {
        if (Ready() is not 0 and var error)
            return error;
        try
        {
            *module = SimulatedGpu.Add(new Module(PtxParser.Parse(Marshal.PtrToStringUTF8((nint)image)!)));
            return 0;
        }
        catch (PtxException e)
        {
            WriteErrorLog(e.Message, count, options, values);
            return InvalidPtx;
        }
    }

    private static void WriteErrorLog(string message, uint count, int* options, void** values)
    {
        const int errorLog = 5, errorLogSize = 6;
        byte* buffer = null;
        var size = 0;
        for (var n = 0; n < count; n++)
            if (options[n] == errorLog)
                buffer = (byte*)values[n];
            else if (options[n] == errorLogSize)
                size = (int)(nint)values[n];
        var bytes = Encoding.UTF8.GetBytes($"ptxas application ptx input: {message}");
        if (buffer is null || size == 0)
            return;
        var length = Math.Min(size - 1, bytes.Length);
        bytes.AsSpan(0, length).CopyTo(new(buffer, size));
        buffer[length] = 0;
    }

    [UnmanagedCallersOnly]
    private static int ModuleGetFunction(nint* function, nint module, byte* name)
    {
        if (SimulatedGpu.Get<Module>(module) is not { } item)
            return InvalidHandle;
        if (!item.Kernels.TryGetValue(Marshal.PtrToStringUTF8((nint)name)!, out var kernel))
            return NotFound;
        *function = SimulatedGpu.Add(kernel);
        item.Functions.Add(*function);
        return 0;
    }

    // Functions live as long as their module.
    [UnmanagedCallersOnly]
    private static int ModuleUnload(nint module)
    {
        if (SimulatedGpu.Get<Module>(module) is not { } item)
            return InvalidHandle;
        item.Functions.ForEach(f => SimulatedGpu.Remove(f));
        return SimulatedGpu.Remove(module) ? 0 : InvalidHandle;
    }

    [UnmanagedCallersOnly]
    private static int LaunchKernel(nint function, uint gridX, uint gridY, uint gridZ, uint blockX, uint blockY, uint blockZ, uint shared,
        nint stream, void** arguments, void** extra)
    {
        if (Ready() is not 0 and var error)
            return error;
        if (SimulatedGpu.Get<Stream>(stream) is null || arguments is null || extra is not null)
            return InvalidValue;
        if (Take(function, new(gridX, gridY, gridZ), new(blockX, blockY, blockZ), shared, arguments, out var call) is not 0 and var refused)
            return refused;
        SimulatedGpu.KernelLaunches++;
        return Run(call!);
    }

    /// <summary>A launch with the values of its parameters.</summary>
    private sealed record KernelCall(nint Function, PtxKernel Kernel, Dim Grid, int Threads, byte[] Parameters);

    // The values are taken now, whenever they are used.
    private static int Take(nint function, Dim grid, Dim block, uint shared, void** arguments, out KernelCall? call)
    {
        call = null;
        if (SimulatedGpu.Get<PtxKernel>(function) is not { } kernel)
            return InvalidHandle;
        if (block.Y != 1 || block.Z != 1 || shared != 0 || grid.Count == 0)
            return InvalidValue;
        var parameters = new byte[kernel.ParameterBytes];
        for (var n = 0; n < kernel.Parameters.Count; n++)
            new ReadOnlySpan<byte>(arguments[n], kernel.Parameters[n].Size).CopyTo(parameters.AsSpan(kernel.Parameters[n].Offset));
        call = new(function, kernel, grid, (int)block.X, parameters);
        return 0;
    }

    private static int Run(KernelCall call)
    {
        SimulatedGpu.NoteLaunch(call.Kernel.Name);
        if (SimulatedGpu.OnlyNoteLaunches)
            return 0;
        try
        {
            Launch.Run(call.Kernel, call.Grid, call.Threads, call.Parameters, SimulatedGpu.Memory, SimulatedGpu.ReverseBlocks);
            return 0;
        }
        catch (PtxException e)
        {
            SimulatedGpu.Fault = e;
            return LaunchFailed;
        }
    }
}
