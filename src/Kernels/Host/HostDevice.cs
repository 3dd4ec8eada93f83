using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Faith.Kernels.Host;

/// <summary>Register width of the host kernels.</summary>
public enum SimdWidth
{
    /// <summary>The widest that the machine has.</summary>
    Best,
    /// <summary>128-bit vectors as the runtime provides them on any machine.</summary>
    Portable,
    /// <summary>256 bits: AVX2 and FMA.</summary>
    V256,
    /// <summary>512 bits: AVX-512.</summary>
    V512,
}

/// <summary>The processor as a <see cref="Device"/>. Operations are issued by one thread at a time and are done when they return.</summary>
public sealed unsafe partial class HostDevice : Device
{
    internal static readonly DeviceLimits LimitsOfHost = new() { IsHostMemory = true };

    readonly WorkerPool pool;
    readonly Scratch scratch;
    readonly RowKernels kernels;
    readonly HostContraction contraction;
    bool disposed;

    /// <summary>A device on the best instruction set of this machine.</summary>
    /// <param name="threads">Threads that share the work, the caller included; 0 for one a core.</param>
    public HostDevice(int threads = 0) : this(threads, SimdWidth.Best) { }

    /// <summary>A device with registers of the given width, for tests and comparisons.</summary>
    /// <exception cref="PlatformNotSupportedException">The machine lacks the instructions.</exception>
    internal HostDevice(int threads, SimdWidth width)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        if (width == SimdWidth.Best) width = Widest;
        if (width > Widest) throw new PlatformNotSupportedException($"This machine has no {width} instructions.");
        (Width, Limits) = (width, LimitsOfHost);
        kernels = width switch
        {
            SimdWidth.V512 => new RowKernels<Lanes512>(),
            SimdWidth.V256 => new RowKernels<Lanes256>(),
            _ => new RowKernels<Lanes128>(),
        };
        matrices = new MatrixKernels(width);
        pool = new WorkerPool(threads == 0 ? Environment.ProcessorCount : threads);
        scratch = new Scratch(pool.Threads);
        contraction = new HostContraction(pool, matrices, kernels, scratch);
        var instructions = width switch { SimdWidth.V512 => "AVX-512", SimdWidth.V256 => "AVX2", _ => "portable" };
        Name = $"cpu ({instructions}, {pool.Threads} thread{(pool.Threads == 1 ? "" : "s")})";
    }

    /// <summary>The widest registers of this machine.</summary>
    internal static SimdWidth Widest =>
        Avx512F.IsSupported && Avx512BW.IsSupported ? SimdWidth.V512 : Avx2.IsSupported && Fma.IsSupported ? SimdWidth.V256 : SimdWidth.Portable;

    /// <summary>Register width in use.</summary>
    internal SimdWidth Width { get; }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override long FreeMemory
    {
        get
        {
            // The kernel's estimate of what can be had without swapping; elsewhere what the runtime knows.
            if (File.Exists("/proc/meminfo"))
                foreach (var line in File.ReadLines("/proc/meminfo"))
                    if (line.StartsWith("MemAvailable:", StringComparison.Ordinal) && long.TryParse(line.AsSpan(13).Trim().TrimEnd("kB").Trim(), out var kilobytes))
                        return Math.Min(kilobytes * 1024, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
            var memory = GC.GetGCMemoryInfo();
            return Math.Max(0, memory.TotalAvailableMemoryBytes - memory.MemoryLoadBytes);
        }
    }

    /// <inheritdoc/>
    public override DeviceBuffer Allocate(long bytes) => new HostBuffer(bytes);

    /// <inheritdoc/>
    public override void Upload(ReadOnlySpan<byte> source, DeviceBuffer destination, long offset) =>
        source.CopyTo(new Span<byte>((byte*)destination.Address + offset, source.Length));

    /// <inheritdoc/>
    public override void Download(DeviceBuffer source, long offset, Span<byte> destination) =>
        new ReadOnlySpan<byte>((byte*)source.Address + offset, destination.Length).CopyTo(destination);

    /// <inheritdoc/>
    public override void Synchronize() { }

    /// <inheritdoc/>
    public override void Dispose()
    {
        if (disposed) return;
        disposed = true;
        pool.Dispose();
        scratch.Dispose();
        packedRows.Dispose();
        foreach (var matrix in combined) matrix?.Dispose();
        contraction.Dispose();
    }

    /// <summary>The body of a row-wise operation: items [from, to).</summary>
    delegate void RowBody<T>(RowKernels kernels, in T operands, int from, int to);

    /// <summary>Elements below which a second thread costs more than it brings.</summary>
    const int ElementsOfChunk = 8192;

    /// <summary>Splits rows of <paramref name="columns"/> elements over the threads.</summary>
    void Rows<T>(int rows, long columns, in T operands, RowBody<T> body)
    {
        var grain = (int)Math.Clamp(ElementsOfChunk / Math.Max(columns, 1), 1, Math.Max(rows, 1));
        grain = Math.Max(grain, rows / (8 * pool.Threads));
        pool.For(rows, grain, (kernels, operands, body), static (in (RowKernels Kernels, T Operands, RowBody<T> Body) job, int from, int to, int _) =>
            job.Body(job.Kernels, job.Operands, from, to));
    }

    static void RequireSameShape(RawTensor a, RawTensor b, [CallerMemberName] string operation = "")
    {
        if (a.Rows != b.Rows || a.Columns != b.Columns)
            throw new ArgumentException($"{operation}: operands of {a.Rows} × {a.Columns} and {b.Rows} × {b.Columns}.");
    }

    static void RequireRows(int rows, int expected, [CallerMemberName] string operation = "")
    {
        if (rows != expected) throw new ArgumentException($"{operation}: {rows} rows where {expected} are needed.");
    }

    static void RequireColumns(int columns, int expected, [CallerMemberName] string operation = "")
    {
        if (columns != expected) throw new ArgumentException($"{operation}: {columns} columns where {expected} are needed.");
    }
}
