using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace Faith.PtxInterpreter;

/// <summary>
/// A CUDA driver in managed code: the functions of cuda.h that an engine may call, run on <see cref="SimulatedGpu"/>. Streams
/// do their work at once. <see cref="SimulatedLibrary"/> makes a native library of them for those who load the driver themselves.
/// </summary>
public static unsafe partial class SimulatedDriver
{
    /// <summary>CUDA_ERROR_OUT_OF_MEMORY.</summary>
    public const int OutOfMemory = 2;
    private const int InvalidValue = 1, NotInitialized = 3, NoDevice = 100, InvalidDevice = 101, InvalidPtx = 218,
        InvalidContext = 201, InvalidHandle = 400, PeerAccessUnsupported = 217, AlreadyRegistered = 712, NotRegistered = 713,
        NotFound = 500, LaunchFailed = 719;

    // Every device has a primary context: this plus the device's number. Others have handles.
    private const nint FirstContext = 0x77;

    private sealed record Context(int Device);

    private sealed record Stream;
    private sealed record Event { public long Time { get; set; } }
    private sealed record Module(Dictionary<string, PtxKernel> Kernels)
    {
        public List<nint> Functions { get; } = [];
    }

    private static readonly Dictionary<string, nint> Texts = [];

    // What was wrong with the PTX that was refused last.
    private static string? s_ptxError;

    // Memory of the host that is locked in place.
    private static readonly HashSet<nint> Registered = [];

    [ThreadStatic] private static nint t_current;

    // The device of a context, or -1.
    private static int DeviceOf(nint context) =>
        context >= FirstContext && context < FirstContext + SimulatedGpu.Devices ? (int)(context - FirstContext)
        : SimulatedGpu.Get<Context>(context)?.Device ?? -1;

    private static int CurrentDevice => DeviceOf(t_current);

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
        ["cuCtxCreate_v2"] = (nint)(delegate* unmanaged<nint*, uint, int, int>)&CtxCreate,
        ["cuCtxDestroy_v2"] = (nint)(delegate* unmanaged<nint, int>)&CtxDestroy,
        ["cuCtxSynchronize"] = (nint)(delegate* unmanaged<int>)&CtxSynchronize,
        ["cuCtxGetCacheConfig"] = (nint)(delegate* unmanaged<int*, int>)&CtxGetConfig,
        ["cuCtxSetCacheConfig"] = (nint)(delegate* unmanaged<int, int>)&CtxSetConfig,
        ["cuCtxGetSharedMemConfig"] = (nint)(delegate* unmanaged<int*, int>)&CtxGetConfig,
        ["cuCtxSetSharedMemConfig"] = (nint)(delegate* unmanaged<int, int>)&CtxSetConfig,
        ["cuDeviceCanAccessPeer"] = (nint)(delegate* unmanaged<int*, int, int, int>)&DeviceCanAccessPeer,
        ["cuDeviceGetP2PAttribute"] = (nint)(delegate* unmanaged<int*, int, int, int, int>)&DeviceGetP2PAttribute,
        ["cuCtxEnablePeerAccess"] = (nint)(delegate* unmanaged<nint, uint, int>)&CtxEnablePeerAccess,
        ["cuCtxDisablePeerAccess"] = (nint)(delegate* unmanaged<nint, int>)&CtxDisablePeerAccess,
        ["cuCtxSetCurrent"] = (nint)(delegate* unmanaged<nint, int>)&CtxSetCurrent,
        ["cuMemGetInfo_v2"] = (nint)(delegate* unmanaged<nuint*, nuint*, int>)&MemGetInfo,
        ["cuMemAlloc_v2"] = (nint)(delegate* unmanaged<nint*, nuint, int>)&MemAlloc,
        ["cuMemFree_v2"] = (nint)(delegate* unmanaged<nint, int>)&MemFree,
        ["cuMemAllocHost_v2"] = (nint)(delegate* unmanaged<nint*, nuint, int>)&MemAllocHost,
        ["cuMemFreeHost"] = (nint)(delegate* unmanaged<nint, int>)&MemFreeHost,
        ["cuMemcpyHtoDAsync_v2"] = (nint)(delegate* unmanaged<nint, nint, nuint, nint, int>)&MemcpyHtoD,
        ["cuMemcpyDtoHAsync_v2"] = (nint)(delegate* unmanaged<nint, nint, nuint, nint, int>)&MemcpyDtoH,
        ["cuMemcpyAsync"] = (nint)(delegate* unmanaged<nint, nint, nuint, nint, int>)&Memcpy,
        ["cuMemHostRegister_v2"] = (nint)(delegate* unmanaged<nint, nuint, uint, int>)&MemHostRegister,
        ["cuMemHostUnregister"] = (nint)(delegate* unmanaged<nint, int>)&MemHostUnregister,
        ["cuMemHostGetDevicePointer_v2"] = (nint)(delegate* unmanaged<nint*, nint, uint, int>)&MemHostGetDevicePointer,
        ["cuPointerGetAttribute"] = (nint)(delegate* unmanaged<int*, int, nint, int>)&PointerGetAttribute,
        ["cuMemsetD8Async"] = (nint)(delegate* unmanaged<nint, byte, nuint, nint, int>)&MemsetD8,
        ["cuStreamCreate"] = (nint)(delegate* unmanaged<nint*, uint, int>)&StreamCreate,
        ["cuStreamCreateWithPriority"] = (nint)(delegate* unmanaged<nint*, uint, int, int>)&StreamCreateWithPriority,
        ["cuStreamSynchronize"] = (nint)(delegate* unmanaged<nint, int>)&StreamSynchronize,
        ["cuStreamDestroy_v2"] = (nint)(delegate* unmanaged<nint, int>)&Destroy,
        ["cuEventCreate"] = (nint)(delegate* unmanaged<nint*, uint, int>)&EventCreate,
        ["cuEventRecord"] = (nint)(delegate* unmanaged<nint, nint, int>)&EventRecord,
        ["cuEventSynchronize"] = (nint)(delegate* unmanaged<nint, int>)&EventSynchronize,
        ["cuEventQuery"] = (nint)(delegate* unmanaged<nint, int>)&EventQuery,
        ["cuEventElapsedTime"] = (nint)(delegate* unmanaged<float*, nint, nint, int>)&EventElapsedTime,
        ["cuEventDestroy_v2"] = (nint)(delegate* unmanaged<nint, int>)&Destroy,
        ["cuModuleLoadDataEx"] = (nint)(delegate* unmanaged<nint*, byte*, uint, int*, void**, int>)&ModuleLoadDataEx,
        ["cuModuleLoadData"] = (nint)(delegate* unmanaged<nint*, byte*, int>)&ModuleLoadData,
        ["cuModuleUnload"] = (nint)(delegate* unmanaged<nint, int>)&ModuleUnload,
        ["cuModuleGetFunction"] = (nint)(delegate* unmanaged<nint*, nint, byte*, int>)&ModuleGetFunction,
        ["cuLaunchKernel"] = (nint)(delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, void**, void**,
            int>)&LaunchKernel,
        ["cuOccupancyMaxActiveBlocksPerMultiprocessor"] = (nint)(delegate* unmanaged<int*, nint, int, nuint, int>)&OccupancyBlocks,
        ["cuOccupancyMaxPotentialBlockSize"] = (nint)(delegate* unmanaged<int*, int*, nint, nint, nuint, int, int>)&OccupancyBlockSize,
    };

    /// <summary>All functions by their exported names.</summary>
    internal static IReadOnlyDictionary<string, nint> Exports => Functions;

    /// <summary>Address of a driver function by its exported name, or 0.</summary>
    public static nint Symbol(string name) => Functions.GetValueOrDefault(name);

    // ---- errors ----

    private static byte* Text(string text)
    {
        lock (Texts)
        {
            if (!Texts.TryGetValue(text, out var address))
                Texts.Add(text, address = Marshal.StringToCoTaskMemUTF8(text));
            return (byte*)address;
        }
    }

    [UnmanagedCallersOnly]
    private static int GetErrorName(int error, byte** name)
    {
        *name = Text(error switch
        {
            InvalidValue => "CUDA_ERROR_INVALID_VALUE",
            OutOfMemory => "CUDA_ERROR_OUT_OF_MEMORY",
            NotInitialized => "CUDA_ERROR_NOT_INITIALIZED",
            NoDevice => "CUDA_ERROR_NO_DEVICE",
            InvalidDevice => "CUDA_ERROR_INVALID_DEVICE",
            InvalidContext => "CUDA_ERROR_INVALID_CONTEXT",
            InvalidPtx => "CUDA_ERROR_INVALID_PTX",
            InvalidHandle => "CUDA_ERROR_INVALID_HANDLE",
            PeerAccessUnsupported => "CUDA_ERROR_PEER_ACCESS_UNSUPPORTED",
            AlreadyRegistered => "CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED",
            NotRegistered => "CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED",
            NotFound => "CUDA_ERROR_NOT_FOUND",
            LaunchFailed => "CUDA_ERROR_LAUNCH_FAILED",
            _ => "CUDA_ERROR_UNKNOWN",
        });
        return 0;
    }

    // What a real driver cannot tell stands here: which rule a kernel broke, and where, or what of a PTX is not understood.
    [UnmanagedCallersOnly]
    private static int GetErrorString(int error, byte** text)
    {
        *text = Text(error switch
        {
            LaunchFailed when SimulatedGpu.Fault is { } fault => fault.Message,
            InvalidPtx when s_ptxError is { } message => message,
            _ => $"simulated error {error}",
        });
        return 0;
    }

    // Every call but those that release needs a context and, as on a real device, fails after a fault.
    private static int Ready() => CurrentDevice < 0 ? InvalidContext : SimulatedGpu.Fault is null ? 0 : LaunchFailed;

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
        *value = attribute switch
        {
            1 or 2 or 3 => 1024,                            // threads of a block; along x, y
            4 => 64,                                        // and z
            5 => int.MaxValue,                              // blocks along x
            6 or 7 => ushort.MaxValue,                      // y and z
            8 => 48 << 10,                                  // shared memory of a block
            9 => 64 << 10,                                  // constant memory
            10 => Warp.Lanes,
            11 => int.MaxValue,                             // pitch
            12 or 82 => 64 << 10,                           // registers of a block and of a multiprocessor
            13 or 36 => 1_000_000,                          // clocks in kHz
            16 => SimulatedGpu.Multiprocessors,
            19 or 40 or 90 or 91 => 1,                      // maps host memory; copy engines, pre-emption, host pointers
            32 or 35 or 34 or 50 or 83 or 125 => 0,         // ECC, TCC, PCI device and domain, managed memory, IPC
            33 => device + 1,                               // PCI bus
            37 => 512,                                      // bits of the memory bus
            38 => 1 << 20,                                  // L2 cache
            39 => 2048,                                     // threads of a multiprocessor
            75 => SimulatedGpu.Capability.Major,
            76 => SimulatedGpu.Capability.Minor,
            81 => 100 << 10,                                // shared memory of a multiprocessor
            _ => -1,
        };
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
    private static int CtxCreate(nint* context, uint flags, int device)
    {
        if (SimulatedGpu.ContextResult is not 0 and var error)
            return error;
        if (device < 0 || device >= SimulatedGpu.Devices)
            return InvalidDevice;
        t_current = *context = SimulatedGpu.Add(new Context(device));
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int CtxDestroy(nint context)
    {
        if (SimulatedGpu.Get<Context>(context) is null)
            return InvalidContext;
        if (t_current == context)
            t_current = 0;
        return SimulatedGpu.Remove(context) ? 0 : InvalidContext;
    }

    [UnmanagedCallersOnly]
    private static int CtxSetCurrent(nint context)
    {
        if (context != 0 && DeviceOf(context) < 0)
            return InvalidContext;
        t_current = context;
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int CtxSynchronize()
    {
        SimulatedGpu.Waits++;
        return Ready();
    }

    // How caches and banks are split makes no difference here.
    [UnmanagedCallersOnly]
    private static int CtxGetConfig(int* value)
    {
        *value = 0;
        return Ready();
    }

    [UnmanagedCallersOnly]
    private static int CtxSetConfig(int value) => Ready();

    // Devices cannot read one another's memory.
    [UnmanagedCallersOnly]
    private static int DeviceCanAccessPeer(int* can, int device, int peer)
    {
        *can = 0;
        return device >= 0 && peer >= 0 && device < SimulatedGpu.Devices && peer < SimulatedGpu.Devices ? 0 : InvalidDevice;
    }

    [UnmanagedCallersOnly]
    private static int DeviceGetP2PAttribute(int* value, int attribute, int source, int destination)
    {
        *value = 0;
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int CtxEnablePeerAccess(nint context, uint flags) => PeerAccessUnsupported;

    [UnmanagedCallersOnly]
    private static int CtxDisablePeerAccess(nint context) => PeerAccessUnsupported;

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

    // Who failed to get something may release 0, as ILGPU does: so the error shows, and not a second one.
    [UnmanagedCallersOnly]
    private static int MemFree(nint address) => address == 0 || SimulatedGpu.Memory.Free((ulong)address) ? 0 : InvalidValue;

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

    // Which side is the device's is told by the addresses; one side must be, or an address was mistaken.
    [UnmanagedCallersOnly]
    private static int Memcpy(nint destination, nint source, nuint bytes, nint stream)
    {
        if (!IsStream(stream))
            return InvalidHandle;
        bool to = SimulatedGpu.Memory.Contains((ulong)destination, 1), from = SimulatedGpu.Memory.Contains((ulong)source, 1);
        if (to && from && !SimulatedGpu.Memory.Contains((ulong)source, bytes))
            return InvalidValue;
        return to || from ? Copy(destination, source, bytes, to ? destination : source) : Ready() is not 0 and var error ? error : InvalidValue;
    }

    [UnmanagedCallersOnly]
    private static int MemHostRegister(nint address, nuint bytes, uint flags)
    {
        if (Ready() is not 0 and var error)
            return error;
        lock (Registered)
            return address == 0 || bytes == 0 ? InvalidValue : Registered.Add(address) ? 0 : AlreadyRegistered;
    }

    [UnmanagedCallersOnly]
    private static int MemHostUnregister(nint address)
    {
        lock (Registered)
            return Registered.Remove(address) ? 0 : NotRegistered;
    }

    // A kernel that uses the pointer is stopped: memory of the host is none of the device's here.
    [UnmanagedCallersOnly]
    private static int MemHostGetDevicePointer(nint* pointer, nint address, uint flags)
    {
        *pointer = address;
        return Ready();
    }

    [UnmanagedCallersOnly]
    private static int PointerGetAttribute(int* value, int attribute, nint address)
    {
        const int memoryType = 2, deviceMemory = 2;
        if (attribute != memoryType || !SimulatedGpu.Memory.Contains((ulong)address, 1))
            return InvalidValue;
        *value = deviceMemory;
        return Ready();
    }

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
        GlobalMemory.Fill((byte*)destination, count, value);
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
    private static int StreamCreateWithPriority(nint* stream, uint flags, int priority)
    {
        *stream = SimulatedGpu.Add(new Stream());
        return Ready();
    }

    // 0 is the stream that every context has.
    private static bool IsStream(nint stream) => stream == 0 || SimulatedGpu.Get<Stream>(stream) is not null;

    [UnmanagedCallersOnly]
    private static int StreamSynchronize(nint stream)
    {
        SimulatedGpu.Waits++;
        return IsStream(stream) ? Ready() : InvalidHandle;
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
    private static int EventQuery(nint recorded) => SimulatedGpu.Get<Event>(recorded) is null ? InvalidHandle : Ready();

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
        var result = Load(module, image);
        if (result == InvalidPtx)
            WriteErrorLog(s_ptxError!, count, options, values);
        return result;
    }

    [UnmanagedCallersOnly]
    private static int ModuleLoadData(nint* module, byte* image) => Load(module, image);

    private static int Load(nint* module, byte* image)
    {
        if (Ready() is not 0 and var error)
            return error;
        try
        {
            var ptx = Marshal.PtrToStringUTF8((nint)image)!;
            *module = SimulatedGpu.Add(new Module(PtxParser.Parse(SimulatedGpu.Rewrite?.Invoke(ptx) ?? ptx)));
            return 0;
        }
        catch (PtxException e)
        {
            s_ptxError = e.Message;
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
        if (module == 0)
            return 0;
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
        if (!IsStream(stream))
            return InvalidValue;
        if (Take(function, new(gridX, gridY, gridZ), new(blockX, blockY, blockZ), shared, arguments, extra, out var call) is not 0 and var refused)
            return refused;
        SimulatedGpu.KernelLaunches++;
        return Run(call!);
    }

    /// <summary>A launch with the values of its parameters.</summary>
    private sealed record KernelCall(nint Function, PtxKernel Kernel, Dim Grid, int Threads, int DynamicShared, byte[] Parameters);

    // The values are taken now, whenever they are used.
    private static int Take(nint function, Dim grid, Dim block, uint shared, void** arguments, void** extra, out KernelCall? call)
    {
        call = null;
        if (SimulatedGpu.Get<PtxKernel>(function) is not { } kernel)
            return InvalidHandle;
        if (block.Y != 1 || block.Z != 1 || grid.Count == 0 || shared > int.MaxValue || shared != 0 && kernel.DynamicShared is null)
            return InvalidValue;
        if (arguments is null == extra is null && kernel.Parameters.Count > 0)
            return InvalidValue;
        var parameters = new byte[kernel.ParameterBytes];
        if (arguments is not null)
            for (var n = 0; n < kernel.Parameters.Count; n++)
                new ReadOnlySpan<byte>(arguments[n], kernel.Parameters[n].Size).CopyTo(parameters.AsSpan(kernel.Parameters[n].Offset));
        else if (extra is not null && !TakePacked(extra, parameters))
            return InvalidValue;
        call = new(function, kernel, grid, (int)block.X, (int)shared, parameters);
        return 0;
    }

    // All values in one piece: its address and its size, which may round the declared one up.
    private static bool TakePacked(void** extra, byte[] parameters)
    {
        const nint pointer = 1, size = 2;
        void* values = null;
        var bytes = 0L;
        for (; *extra is not null; extra += 2)
            if ((nint)extra[0] == pointer)
                values = extra[1];
            else if ((nint)extra[0] == size)
                bytes = *(long*)extra[1];
            else
                return false;
        if (bytes < parameters.Length || bytes > (parameters.Length + 15) / 16 * 16 || values is null && parameters.Length > 0)
            return false;
        new ReadOnlySpan<byte>(values, parameters.Length).CopyTo(parameters);
        return true;
    }

    // A multiprocessor holds as many blocks as it has threads for.
    [UnmanagedCallersOnly]
    private static int OccupancyBlocks(int* blocks, nint function, int blockSize, nuint shared)
    {
        *blocks = blockSize > 0 ? 2048 / blockSize : 0;
        return SimulatedGpu.Get<PtxKernel>(function) is null ? InvalidHandle : blockSize > 0 ? Ready() : InvalidValue;
    }

    [UnmanagedCallersOnly]
    private static int OccupancyBlockSize(int* grid, int* block, nint function, nint sharedOfBlock, nuint shared, int most)
    {
        if (SimulatedGpu.Get<PtxKernel>(function) is not { } kernel)
            return InvalidHandle;
        var limit = kernel.MaxThreads > 0 ? kernel.MaxThreads : 256;
        (*grid, *block) = (SimulatedGpu.Multiprocessors, most > 0 ? Math.Min(most, limit) : limit);
        return Ready();
    }

    private static int Run(KernelCall call)
    {
        SimulatedGpu.NoteLaunch(call.Kernel.Name);
        if (SimulatedGpu.OnlyNoteLaunches)
            return 0;
        try
        {
            Launch.Run(call.Kernel, call.Grid, call.Threads, call.Parameters, SimulatedGpu.Memory, SimulatedGpu.ReverseBlocks, call.DynamicShared);
            return 0;
        }
        catch (PtxException e)
        {
            SimulatedGpu.Fault = e;
            return LaunchFailed;
        }
    }
}
