using System.Runtime.InteropServices;

namespace Faith.Kernels.Cuda;

/// <summary>A device's primary context, kept alive by everything that was created in it.</summary>
internal sealed unsafe class CudaContext : SafeHandle
{
    private readonly int _device;

    public CudaContext(CudaDriver driver, int ordinal) : base(0, ownsHandle: true)
    {
        Driver = driver;
        int device;
        nint context;
        driver.Check(driver.cuDeviceGet(&device, ordinal));
        driver.Check(driver.cuDevicePrimaryCtxRetain(&context, device));
        _device = device;
        SetHandle(context);
    }

    public CudaDriver Driver { get; }

    public override bool IsInvalid => handle == 0;

    /// <summary>Makes the context the calling thread's own: the driver keeps one a thread, and any thread may use the device.</summary>
    public void MakeCurrent() => Driver.Check(Driver.cuCtxSetCurrent(handle));

    /// <summary>The same for release code, which must not throw.</summary>
    public bool TryMakeCurrent() => Driver.cuCtxSetCurrent(handle) == 0;

    protected override bool ReleaseHandle() => Driver.cuDevicePrimaryCtxRelease(_device) == 0;
}

/// <summary>A block of device memory.</summary>
internal sealed unsafe class CudaBuffer : DeviceBuffer
{
    private readonly CudaContext _context;

    private CudaBuffer(CudaContext context, nint address, long bytes) : base(address, bytes)
    {
        var added = false;
        context.DangerousAddRef(ref added);
        _context = context;
    }

    /// <summary>Allocates memory without clearing it.</summary>
    public static CudaBuffer Allocate(CudaContext context, long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        context.MakeCurrent();
        var driver = context.Driver;
        nint address;
        var result = driver.cuMemAlloc(&address, (nuint)Math.Max(bytes, 1));
        if (result == CudaException.OutOfMemory)
        {
            nuint free = 0, total = 0;
            driver.cuMemGetInfo(&free, &total);
            throw new DeviceMemoryException($"the GPU has too little memory for {bytes:N0} more bytes: {free:N0} of {total:N0} are free (cuMemAlloc: {driver.Describe(result)})");
        }
        driver.Check(result, $"cuMemAlloc({bytes:N0} bytes)");
        return new(context, address, bytes);
    }

    protected override bool ReleaseHandle()
    {
        var freed = _context.TryMakeCurrent() && _context.Driver.cuMemFree(handle) == 0;
        _context.DangerousRelease();
        // From here on Address says that the buffer is gone.
        SetHandle(0);
        return freed;
    }
}

/// <summary>Page-locked host memory, which the GPU reads and writes without a hidden copy by the driver.</summary>
internal sealed unsafe class PinnedBuffer : SafeHandle
{
    private readonly CudaContext _context;

    public PinnedBuffer(CudaContext context, int bytes) : base(0, ownsHandle: true)
    {
        nint address;
        context.MakeCurrent();
        context.Driver.Check(context.Driver.cuMemAllocHost(&address, (nuint)bytes));
        var added = false;
        context.DangerousAddRef(ref added);
        _context = context;
        Bytes = bytes;
        SetHandle(address);
    }

    public int Bytes { get; }

    public override bool IsInvalid => handle == 0;

    public nint Address => handle;

    protected override bool ReleaseHandle()
    {
        var freed = _context.TryMakeCurrent() && _context.Driver.cuMemFreeHost(handle) == 0;
        _context.DangerousRelease();
        return freed;
    }
}

/// <summary>A stream, an event, a module or a graph: a handle with its function for destruction.</summary>
internal sealed unsafe class CudaHandle : SafeHandle
{
    private readonly CudaContext _context;
    private readonly delegate* unmanaged<nint, int> _destroy;

    public CudaHandle(CudaContext context, nint handle, delegate* unmanaged<nint, int> destroy) : base(0, ownsHandle: true)
    {
        var added = false;
        context.DangerousAddRef(ref added);
        _context = context;
        _destroy = destroy;
        SetHandle(handle);
    }

    public override bool IsInvalid => handle == 0;

    public nint Value => IsClosed ? throw new ObjectDisposedException(nameof(CudaDevice)) : handle;

    /// <summary>A stream that does not wait for the legacy default stream.</summary>
    public static CudaHandle Stream(CudaContext context)
    {
        const uint nonBlocking = 1;
        nint stream;
        context.Driver.Check(context.Driver.cuStreamCreate(&stream, nonBlocking));
        return new(context, stream, context.Driver.cuStreamDestroy);
    }

    public static CudaHandle Event(CudaContext context)
    {
        nint created;
        context.Driver.Check(context.Driver.cuEventCreate(&created, 0));
        return new(context, created, context.Driver.cuEventDestroy);
    }

    protected override bool ReleaseHandle()
    {
        var destroyed = _context.TryMakeCurrent() && _destroy(handle) == 0;
        _context.DangerousRelease();
        return destroyed;
    }
}
