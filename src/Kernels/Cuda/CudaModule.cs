using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;

namespace Faith.Kernels.Cuda;

/// <summary>The kernels, compiled by the driver for its GPU, and their launches.</summary>
internal sealed unsafe partial class CudaModule : IDisposable
{
    private const int LogBytes = 16 * 1024;

    private readonly CudaContext _context;
    private readonly CudaHandle _module;
    private readonly Dictionary<string, (nint Function, int ParameterBytes, int Threads)> _kernels = [];

    /// <summary>Has the driver compile a module; it keeps the result on disk for the next start.</summary>
    /// <exception cref="CudaException">It does not compile; the message holds the compiler's log.</exception>
    public CudaModule(CudaContext context, string ptx)
    {
        _context = context;
        var driver = context.Driver;
        var log = Marshal.AllocHGlobal(LogBytes);
        try
        {
            const int errorLog = 5, errorLogSize = 6;
            *(byte*)log = 0;
            var options = stackalloc int[] { errorLog, errorLogSize };
            var values = stackalloc void*[] { (void*)log, (void*)(nint)LogBytes };
            nint module;
            int result;
            fixed (byte* image = Encoding.UTF8.GetBytes(ptx + "\0"))
                result = driver.cuModuleLoadDataEx(&module, image, 2, options, values);
            if (result != 0)
                throw driver.Error(result, "cuModuleLoadDataEx(kernels.ptx)", Marshal.PtrToStringUTF8(log));
            _module = new(context, module, driver.cuModuleUnload);
            foreach (var (name, parameterBytes, threads) in Entries(ptx))
            {
                nint function;
                fixed (byte* text = Encoding.UTF8.GetBytes(name + "\0"))
                    driver.Check(driver.cuModuleGetFunction(&function, module, text), $"cuModuleGetFunction({name})");
                _kernels.Add(name, (function, parameterBytes, threads));
            }
        }
        finally
        {
            Marshal.FreeHGlobal(log);
        }
    }

    /// <summary>The PTX that was compiled with the assembly.</summary>
    public static string EmbeddedPtx()
    {
        using var stream = typeof(CudaModule).Assembly.GetManifestResourceStream("kernels.ptx")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    /// <summary>A launch of a kernel, with blocks of the size it is compiled for unless given; null for an empty grid, which launches nothing.</summary>
    /// <typeparam name="T">The kernel's parameter structure, laid out as in its source.</typeparam>
    public KernelLaunch? Prepare<T>(string kernel, long gridX, long gridY, long gridZ, int threads) where T : unmanaged
    {
        var (function, parameterBytes, most) = _kernels[kernel];
        if (sizeof(T) != parameterBytes)
            throw new InvalidOperationException($"{typeof(T).Name} has {sizeof(T)} bytes, kernel {kernel} takes {parameterBytes}");
        if (gridX == 0 || gridY == 0 || gridZ == 0)
            return null;
        if (gridX > int.MaxValue || gridY > ushort.MaxValue || gridZ > ushort.MaxValue)
            throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture,
                $"kernel {kernel}: a grid of {gridX} × {gridY} × {gridZ} blocks is too large"));
        return new(kernel, function, (uint)gridX, (uint)gridY, (uint)gridZ, (uint)(threads == 0 ? most : threads), parameterBytes);
    }

    /// <summary>Launches a kernel.</summary>
    public void Launch(in KernelLaunch launch, void* parameters, nint stream) =>
        _context.Driver.Check(_context.Driver.cuLaunchKernel(launch.Function, launch.GridX, launch.GridY, launch.GridZ,
            launch.Threads, 1, 1, 0, stream, &parameters, null), $"cuLaunchKernel({launch.Kernel})");

    public void Dispose() => _module.Dispose();

    // Name, bytes of the one parameter and .maxntid of every entry.
    private static IEnumerable<(string Name, int ParameterBytes, int Threads)> Entries(string ptx) =>
        Entry().Matches(ptx).Select(m => (m.Groups[1].Value, int.Parse(m.Groups[2].Value, CultureInfo.InvariantCulture),
            int.Parse(m.Groups[3].Value, CultureInfo.InvariantCulture)));

    [GeneratedRegex(@"\.entry (\w+)\(\s*\.param \.align 8 \.b8 \w+\[(\d+)\]\s*\)\s*\.maxntid (\d+), 1, 1")]
    private static partial Regex Entry();
}
