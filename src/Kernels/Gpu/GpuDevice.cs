using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Backends;
using ILGPU.Backends.EntryPoints;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;

namespace Faith.Kernels.Gpu;

/// <summary>
/// A GPU, by ILGPU: an NVIDIA one through PTX, others, and CPUs, through OpenCL. Operations are issued to one stream and return at once; downloads and
/// <see cref="Synchronize"/> wait. Kernels are compiled when they are used first. One thread at a time may use a device.
/// </summary>
public sealed partial class GpuDevice : Device
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
        WidestHead = AttentionKernels.WidestHead,
    };

    private const int StagingBytes = 4 << 20, LargestGridY = ushort.MaxValue, BytesOfNumber = sizeof(float);

    private readonly Context context;
    private readonly Accelerator accelerator;
    private readonly AcceleratorStream stream;
    private readonly Delegate?[] kernels = new Delegate?[GpuKernel.All.Count];
    // Two buffers on their way to the device, and one on its way back.
    private readonly PageLockedArray1D<byte>[] staging;
    private readonly PageLockedArray1D<byte> fetched;
    private readonly ProfilingMarker?[] staged = new ProfilingMarker?[2];
    private readonly int mostThreads;
    private readonly GpuDeviceInfo info;
    private GpuBuffer? workspace;
    private GpuKernelException? notCompiled;
    private int nextStaging;
    private long held;

    internal GpuDevice(Context context, GpuDeviceInfo info, CuBlas? blas = null, Products products = Products.Exact)
    {
        (this.context, this.info, Products) = (context, info, products);
        Limits = LimitsOfGpu;
        Name = products == Products.Exact ? info.Title : $"{info.Title[..^1]}, tensor products)";
        ContractionMemory = GpuScratch.MostOfContraction(info.Memory);
        try
        {
            accelerator = GpuDevices.NewAccelerator(context, info);
            mostThreads = Math.Min(LogSum.Threads, accelerator.MaxNumThreadsPerGroup / 32 * 32);
            stream = accelerator.CreateStream();
            if (blas is not null && stream is CudaStream cuda)
            {
                (this.blas, blasHandle) = (blas, OpenBlas(blas, cuda, out var version));
                Name = $"{Name[..^1]}, cuBLAS {version})";
            }
            staging = [accelerator.AllocatePageLocked1D<byte>(StagingBytes), accelerator.AllocatePageLocked1D<byte>(StagingBytes)];
            fetched = accelerator.AllocatePageLocked1D<byte>(StagingBytes);
        }
        catch
        {
            accelerator?.Dispose();
            context.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override Products Products { get; }

    /// <inheritdoc/>
    public override long FreeMemory => accelerator is CudaAccelerator cuda ? cuda.GetFreeMemory() : Math.Max(0, info.Memory - held);

    // ---- memory ----

    /// <inheritdoc/>
    public override DeviceBuffer Allocate(long bytes)
    {
        var buffer = NewBuffer(bytes);
        try
        {
            buffer.Floats.MemSetToZero(stream);
            return buffer;
        }
        catch (AcceleratorException e)
        {
            buffer.Dispose();
            throw Failed(e);
        }
    }

    // Memory without anything in it.
    private GpuBuffer NewBuffer(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        var count = GpuBuffer.BytesOf(bytes) / BytesOfNumber;
        // OpenCL promises memory that it does not have, and says so at some later time.
        if (accelerator is not CudaAccelerator && count * BytesOfNumber > FreeMemory) throw TooLittle(bytes, "");
        try
        {
            accelerator.Bind();
            var memory = accelerator.Allocate1D<float>(count);
            Interlocked.Add(ref held, memory.LengthInBytes);
            return new(this, memory, bytes);
        }
        catch (AcceleratorException e)
        {
            throw IsShortOfMemory(e) ? TooLittle(bytes, $" ({Describe(e)})") : Failed(e);
        }
    }

    private DeviceMemoryException TooLittle(long bytes, string why) => new($"the GPU has too little memory for {bytes:N0} more bytes: {FreeMemory:N0} of {info.Memory:N0} are free{why}");

    internal static bool IsShortOfMemory(AcceleratorException error) => error switch
    {
        CudaException cuda => cuda.Error == nameof(CudaError.CUDA_ERROR_OUT_OF_MEMORY),
        CLException cl => cl.Error is CLError.CL_OUT_OF_RESOURCES or CLError.CL_OUT_OF_HOST_MEMORY or CLError.CL_MEM_OBJECT_ALLOCATION_FAILURE or CLError.CL_INVALID_BUFFER_SIZE,
        _ => false,
    };

    internal void Release(MemoryBuffer memory)
    {
        Interlocked.Add(ref held, -memory.LengthInBytes);
        memory.Dispose();
    }

    /// <inheritdoc/>
    public override void Upload(ReadOnlySpan<byte> source, DeviceBuffer destination, long offset)
    {
        // Through two pinned buffers in turn, so that filling one overlaps with copying the other.
        while (source.Length > 0)
        {
            var count = Math.Min(source.Length, StagingBytes);
            Stage(source[..count], Bytes(destination, offset, count));
            source = source[count..];
            offset += count;
        }
    }

    private void Stage(ReadOnlySpan<byte> source, ArrayView<byte> destination)
    {
        try
        {
            accelerator.Bind();
            nextStaging ^= 1;
            staged[nextStaging]?.Synchronize();
            staged[nextStaging]?.Dispose();
            staged[nextStaging] = null;
            source.CopyTo(staging[nextStaging].Span);
            destination.CopyFromCPUUnsafeAsync(stream, ref staging[nextStaging].Span[0], source.Length);
            staged[nextStaging] = stream.AddProfilingMarker();
        }
        catch (AcceleratorException e)
        {
            throw Failed(e);
        }
    }

    /// <inheritdoc/>
    public override void Download(DeviceBuffer source, long offset, Span<byte> destination)
    {
        while (destination.Length > 0)
        {
            var count = Math.Min(destination.Length, StagingBytes);
            Fetch(Bytes(source, offset, count), destination[..count]);
            destination = destination[count..];
            offset += count;
        }
    }

    private void Fetch(ArrayView<byte> source, Span<byte> destination)
    {
        try
        {
            accelerator.Bind();
            source.CopyToCPUUnsafeAsync(stream, ref fetched.Span[0], destination.Length);
            stream.Synchronize();
            fetched.Span[..destination.Length].CopyTo(destination);
        }
        catch (AcceleratorException e)
        {
            throw Failed(e);
        }
    }

    private static ArrayView<byte> Bytes(DeviceBuffer buffer, long offset, long count)
    {
        _ = buffer.Address; // throws where it is gone
        return ((GpuBuffer)buffer).Floats.Cast<byte>().SubView(offset, count);
    }

    /// <inheritdoc/>
    public override void Synchronize()
    {
        try
        {
            accelerator.Bind();
            stream.Synchronize();
        }
        catch (AcceleratorException e)
        {
            throw Failed(e);
        }
    }

    // What went wrong, by the device's name: an error may come from any kernel issued before.
    private GpuException Failed(AcceleratorException e) => new($"{info.Id}: {Describe(e)}", e);

    /// <summary>What ILGPU says of an error, in one line; of OpenCL's it says nothing, so that the name of the error stands in its place.</summary>
    internal static string Describe(AcceleratorException e) => e is CLException cl ? $"OpenCL failed with {cl.Error}" : e.Message.ReplaceLineEndings(" ");

    /// <inheritdoc/>
    public override DeviceMark Mark()
    {
        try
        {
            accelerator.Bind();
            return new GpuMark(stream.AddProfilingMarker());
        }
        catch (AcceleratorException e)
        {
            throw Failed(e);
        }
    }

    private sealed class GpuMark(ProfilingMarker marker) : DeviceMark
    {
        public override double SecondsSince(DeviceMark earlier) => marker.MeasureFrom(((GpuMark)earlier).Marker).TotalSeconds;

        private ProfilingMarker Marker => marker;

        public override void Dispose() => marker.Dispose();
    }

    // ---- views ----

    private static Matrix View(Tensor x) => x.IsNone ? default : new(Floats(x.Buffer!).SubView(x.Offset, x.Extent), x.Rows, x.Columns, x.Stride);

    // The view of the first of a batch, whose elements are those of all.
    private static Matrix ViewOfBatch(Tensor x, int batch, long apart) => new(Floats(x.Buffer!).SubView(x.Offset, x.Extent + (batch - 1) * apart), x.Rows, x.Columns, x.Stride);

    private static ArrayView<int> View(Indices x) => x.Buffer is null ? default : Floats(x.Buffer).Cast<int>().SubView(x.Offset, x.Count);

    private static ArrayView<float> Floats(DeviceBuffer buffer)
    {
        _ = buffer.Address; // throws where it is gone
        return ((GpuBuffer)buffer).Floats;
    }

    // Memory for the inside of one operation. It grows to the largest need and stays; operations on the stream use it in turn.
    private Tensor Workspace(long floats)
    {
        if (workspace is null || workspace.Bytes < floats * BytesOfNumber)
        {
            // What still uses it must be done.
            if (workspace is not null) Synchronize();
            workspace?.Dispose();
            workspace = null;
            workspace = NewBuffer(floats * BytesOfNumber);
        }
        return new(workspace, 0, 1, (int)Math.Min(floats, int.MaxValue));
    }

    // ---- launches ----

    /// <summary>Compiles every kernel now instead of when it is used first, and returns how many there are.</summary>
    public int Warm()
    {
        GpuKernel[] kernels = [.. GpuKernel.All.Where(k => !k.CudaOnly || accelerator is CudaAccelerator)];
        foreach (var kernel in kernels) kernel.Load(this);
        return kernels.Length;
    }

    /// <summary>The kernels that have been compiled.</summary>
    internal IEnumerable<string> LoadedKernels => GpuKernel.All.Where(k => kernels[k.Number] is not null).Select(k => k.Name);

    /// <summary>The kernel as this device launches it, compiled where it is used first.</summary>
    internal Action<AcceleratorStream, KernelConfig, P> Loaded<P>(GpuKernel<P> kernel) where P : struct =>
        (Action<AcceleratorStream, KernelConfig, P>)(kernels[kernel.Number] ??= Compiled(kernel));

    /// <summary>Compiles a kernel.</summary>
    /// <exception cref="GpuKernelException">ILGPU cannot compile it, or could not compile an earlier one: after that its context compiles nothing any more.</exception>
    internal Action<AcceleratorStream, KernelConfig, P> Compiled<P>(GpuKernel<P> kernel) where P : struct
    {
        if (notCompiled is not null) throw notCompiled;
        try
        {
            return accelerator.LoadKernel(Compile(kernel)).CreateLauncherDelegate<Action<AcceleratorStream, KernelConfig, P>>();
        }
        catch (Exception e) when (GpuKernelException.Means(e))
        {
            throw notCompiled = new(info.Id, kernel.Name, e);
        }
    }

    /// <summary>The kernel as the driver gets it.</summary>
    internal CompiledKernel Compile(GpuKernel kernel) =>
        StableText.Of(context, () => accelerator.CompileKernel(EntryPointDescription.FromExplicitlyGroupedKernel(kernel.Method), kernel.Specialization(accelerator is CudaAccelerator, mostThreads)));

    // Launches a kernel over a grid of blocks, of the largest size unless given; an empty grid launches nothing.
    private void Launch<P>(GpuKernel<P> kernel, in P operands, long gridX, long gridY = 1, long gridZ = 1, int threads = 0) where P : struct
    {
        if (gridX == 0 || gridY == 0 || gridZ == 0) return;
        if (gridX > int.MaxValue || gridY > LargestGridY || gridZ > LargestGridY)
            throw new InvalidOperationException($"kernel {kernel.Name}: a grid of {gridX} × {gridY} × {gridZ} blocks is too large");
        try
        {
            // Any thread may use the device; the driver knows one for each.
            accelerator.Bind();
            Loaded(kernel)(stream, new(new Index3D((int)gridX, (int)gridY, (int)gridZ), new Index3D(threads == 0 ? kernel.Threads : threads, 1, 1)), operands);
        }
        catch (AcceleratorException e)
        {
            throw Failed(e);
        }
    }

    private static long CeilDiv(long a, long b) => (a + b - 1) / b;

    // Threads that work on a row: a function of the width alone, since the order of a row's additions follows from it.
    private static int RowThreads(int columns) => Math.Clamp((columns / 4 + 31) / 32 * 32, 32, NormKernels.Threads);

    private static void RequireShape(Tensor x, int rows, int columns, [CallerArgumentExpression(nameof(x))] string name = "")
    {
        if (x.Rows != rows || x.Columns != columns) throw new ArgumentException($"{name} is {x.Rows} × {x.Columns}, not {rows} × {columns}", name);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        workspace?.Dispose();
        if (blas is not null) CloseBlas();
        foreach (var marker in staged) marker?.Dispose();
        foreach (var buffer in staging) buffer.Dispose();
        fetched.Dispose();
        stream.Dispose();
        accelerator.Dispose();
        context.Dispose();
    }
}
