namespace Faith.PtxInterpreter;

/// <summary>
/// The simulated GPUs of a process behind <see cref="SimulatedDriver"/>, all alike but for <see cref="SmallerMemory"/>: what they claim to be, what they hold and what went wrong.
/// Tests that use it run one after another and call <see cref="Reset"/> first.
/// </summary>
public static class SimulatedGpu
{
    private static readonly Lock Gate = new();
    private static readonly Dictionary<nint, object> Handles = [];
    private static nint s_nextHandle = 0x1000;

    /// <summary>Result of cuInit.</summary>
    public static int InitResult { get; set; }
    /// <summary>Result of asking for a device's context, which fails on a full GPU.</summary>
    public static int ContextResult { get; set; }
    /// <summary>Version that the driver reports, 1000·major + 10·minor.</summary>
    public static int DriverVersion { get; set; }
    /// <summary>Number of devices.</summary>
    public static int Devices { get; set; }
    /// <summary>Compute capability.</summary>
    public static (int Major, int Minor) Capability { get; set; }
    /// <summary>Streaming multiprocessors.</summary>
    public static int Multiprocessors { get; set; }
    /// <summary>Bytes of each device's memory.</summary>
    public static long MemoryBytes { get; set; }
    /// <summary>Bytes of the memory of single devices that have less.</summary>
    public static Dictionary<int, long> SmallerMemory { get; } = [];
    /// <summary>Takes blocks from the last to the first.</summary>
    public static bool ReverseBlocks { get; set; }
    /// <summary>Notes launches without running them.</summary>
    public static bool OnlyNoteLaunches { get; set; }
    /// <summary>What a kernel did wrong; from then on every call fails, as on a real device.</summary>
    public static PtxException? Fault { get; set; }
    /// <summary>Device memory.</summary>
    public static GlobalMemory Memory { get; } = new();
    /// <summary>Names of the kernels launched since the last reset.</summary>
    public static List<string> Launched { get; } = [];
    /// <summary>Calls that copy between host and device since the last reset.</summary>
    public static int Copies { get; set; }
    /// <summary>Calls that wait for the device since the last reset.</summary>
    public static int Waits { get; set; }
    /// <summary>Kernels launched one by one since the last reset.</summary>
    public static int KernelLaunches { get; set; }
    /// <summary>Changes the PTX of a module before it is read: what the tests break on purpose.</summary>
    public static Func<string, string>? Rewrite { get; set; }
    /// <summary>Handles and allocations that have not been destroyed.</summary>
    public static int LiveHandles
    {
        get
        {
            lock (Gate)
                return Handles.Count;
        }
    }

    /// <summary>Back to a healthy GPU of compute capability 9.0 with 4 multiprocessors and 1 GiB.</summary>
    public static void Reset()
    {
        InitResult = ContextResult = 0;
        DriverVersion = 12040;
        Devices = 1;
        Capability = (9, 0);
        Multiprocessors = 4;
        MemoryBytes = 1L << 30;
        SmallerMemory.Clear();
        ReverseBlocks = OnlyNoteLaunches = false;
        WarpProduct.Accumulation = Accumulation.RoundedOnce;
        Rewrite = null;
        Memory.StartPeak();
        Fault = null;
        Launched.Clear();
        Copies = Waits = KernelLaunches = 0;
    }

    internal static long MemoryOf(int device) => SmallerMemory.GetValueOrDefault(device, MemoryBytes);

    internal static long FreeOf(int device) => Math.Max(0, MemoryOf(device) - Memory.UsedBy(device));

    internal static void NoteLaunch(string kernel)
    {
        lock (Gate)
            Launched.Add(kernel);
    }

    internal static nint Add(object item)
    {
        lock (Gate)
        {
            Handles.Add(s_nextHandle += 16, item);
            return s_nextHandle;
        }
    }

    internal static T? Get<T>(nint handle) where T : class
    {
        lock (Gate)
            return Handles.GetValueOrDefault(handle) as T;
    }

    internal static bool Remove(nint handle)
    {
        lock (Gate)
            return Handles.Remove(handle);
    }
}
