using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Faith.Kernels.Cuda;

/// <summary>
/// A GPU. Operations are issued to one stream and return at once; <see cref="Download"/> and <see cref="Synchronize"/> wait.
/// One thread at a time may use a device.
/// </summary>
public sealed unsafe partial class CudaDevice : Device
{
    // A pass fills the GPU where even its narrowest product has a tile for every multiprocessor: with the 768 columns of GPT-2 small,
    // 1024 rows are 192 tiles of 64×64 and 4096 rows 192 of 128×128, for the 132 multiprocessors of an H100. As to memory, 1344 rows of
    // Llama-3-8B by eap-ig in prompts of 32 tokens, where 4 GiB hold 96: few for 132 multiprocessors.
    internal static readonly DeviceLimits LimitsOfGpu = new()
    {
        RowsOfBatch = 4096,
        RowsOfPass = 1024,
        Workspace = 16L << 30,
        WorkspaceShare = 0.5,
        WidestHead = WidestHeadOfGpu,
        IsAsynchronous = true,
    };

    private const int StagingBytes = 4 << 20;

    private readonly CudaDriver _driver;
    private readonly CudaContext _context;
    // Null only while the constructor fails.
    private readonly CudaHandle _stream = null!;
    private readonly CudaModule _module = null!;
    private readonly PinnedBuffer[] _staging = [];
    private readonly CudaHandle[] _staged = [];
    private readonly int _multiprocessors, _cacheBytes, _contractionWave;
    private CudaBuffer? _workspace;
    private int _nextStaging;

    internal CudaDevice(CudaDriver driver, CudaDeviceInfo info, string? ptx = null, CuBlas? blas = null)
    {
        // The kernels take these structures by value.
        if (sizeof(RawTensor) != 24 || sizeof(RawIndices) != 16)
            throw new PlatformNotSupportedException("CUDA needs a 64-bit process");
        _driver = driver;
        Limits = LimitsOfGpu;
        (_multiprocessors, _cacheBytes, _contractionWave) = (info.Multiprocessors, info.Cache, CudaScratch.WaveOfContraction(info.Multiprocessors, info.SharedMemory));
        ContractionMemory = CudaScratch.MostOfContraction(info.Memory);
        Name = $"cuda:{info.Ordinal} {info.Name} (sm_{info.Major}{info.Minor})";
        _context = new(driver, info.Ordinal);
        try
        {
            _context.MakeCurrent();
            _stream = CudaHandle.Stream(_context);
            _module = new(_context, ptx ?? CudaModule.EmbeddedPtx());
            _graphs = new(_context, _module, _stream.Value);
            _staging = [new(_context, StagingBytes), new(_context, StagingBytes)];
            _staged = [CudaHandle.Event(_context), CudaHandle.Event(_context)];
            if (blas is not null)
            {
                (_blas, _blasHandle) = (blas, OpenBlas(blas, out var version));
                Name = $"{Name[..^1]}, cuBLAS {version})";
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override long FreeMemory
    {
        get
        {
            nuint free, total;
            _context.MakeCurrent();
            _driver.Check(_driver.cuMemGetInfo(&free, &total));
            return (long)free;
        }
    }

    // ---- memory ----

    /// <inheritdoc/>
    public override DeviceBuffer Allocate(long bytes)
    {
        RefuseInSequence(nameof(Allocate));
        var buffer = CudaBuffer.Allocate(_context, bytes);
        if (bytes > 0)
            _driver.Check(_driver.cuMemsetD8Async(buffer.Address, 0, (nuint)bytes, _stream.Value));
        return buffer;
    }

    /// <inheritdoc/>
    public override void Upload(ReadOnlySpan<byte> source, DeviceBuffer destination, long offset)
    {
        // Through two pinned buffers in turn, so that filling one overlaps with copying the other.
        RefuseInSequence(nameof(Upload));
        while (source.Length > 0)
        {
            var count = Math.Min(source.Length, StagingBytes);
            source[..count].CopyTo(NextStaging());
            SendStaging(destination.Address + (nint)offset, count);
            source = source[count..];
            offset += count;
        }
    }

    /// <inheritdoc/>
    public override void Download(DeviceBuffer source, long offset, Span<byte> destination)
    {
        RefuseInSequence(nameof(Download));
        while (destination.Length > 0)
        {
            var count = Math.Min(destination.Length, StagingBytes);
            var staging = NextStaging();
            _driver.Check(_driver.cuMemcpyDtoHAsync(_staging[_nextStaging].Address, source.Address + (nint)offset, (nuint)count, _stream.Value));
            _driver.Check(_driver.cuStreamSynchronize(_stream.Value));
            staging[..count].CopyTo(destination);
            destination = destination[count..];
            offset += count;
        }
    }

    /// <inheritdoc/>
    public override void Synchronize()
    {
        RefuseInSequence(nameof(Synchronize));
        _context.MakeCurrent();
        _driver.Check(_driver.cuStreamSynchronize(_stream.Value));
    }

    // The pinned buffer whose last copy is done.
    private Span<byte> NextStaging()
    {
        _context.MakeCurrent();
        _nextStaging ^= 1;
        _driver.Check(_driver.cuEventSynchronize(_staged[_nextStaging].Value));
        return new((void*)_staging[_nextStaging].Address, StagingBytes);
    }

    private void SendStaging(nint destination, int bytes)
    {
        _driver.Check(_driver.cuMemcpyHtoDAsync(destination, _staging[_nextStaging].Address, (nuint)bytes, _stream.Value));
        _driver.Check(_driver.cuEventRecord(_staged[_nextStaging].Value, _stream.Value));
    }

    // Memory for the inside of one operation. It grows to the largest need and stays; operations on the stream use it in turn.
    private nint Workspace(long bytes)
    {
        if (_workspace is null || _workspace.Bytes < bytes)
        {
            // Freeing waits for the work that still uses it, which must have been issued.
            if (_workspace is not null)
                IssueSequence();
            _workspace?.Dispose();
            _workspace = null;
            _workspace = CudaBuffer.Allocate(_context, bytes);
        }
        return _workspace.Address;
    }

    private void Launch<T>(string kernel, in T parameters, long gridX, long gridY = 1, long gridZ = 1, int threads = 0) where T : unmanaged
    {
        if (_module.Prepare<T>(kernel, gridX, gridY, gridZ, threads) is not { } launch)
            return;
        fixed (T* address = &parameters)
        {
            if (_inSequence)
            {
                _sequence.Add(launch, new(address, launch.ParameterBytes));
                if (!ReplaysSequences)
                    IssueSequence();
                return;
            }
            _context.MakeCurrent();
            _module.Launch(launch, address, _stream.Value);
        }
    }

    private static long CeilDiv(long a, long b) => (a + b - 1) / b;

    // Threads that work on a row: a function of the width alone, since the order of a row's additions follows from it.
    private static int RowThreads(int columns) => Math.Clamp((columns / 4 + 31) / 32 * 32, 32, 256);

    private static void RequireShape(RawTensor x, int rows, int columns, [CallerArgumentExpression(nameof(x))] string name = "")
    {
        if (x.Rows != rows || x.Columns != columns)
            throw new ArgumentException($"{name} is {x.Rows} × {x.Columns}, not {rows} × {columns}", name);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _graphs?.Dispose();
        _workspace?.Dispose();
        foreach (var handle in (IEnumerable<SafeHandle>)[.. _staged, .. _staging])
            handle.Dispose();
        _module?.Dispose();
        _blasHandle?.Dispose();
        _stream?.Dispose();
        _context.Dispose();
    }
}
