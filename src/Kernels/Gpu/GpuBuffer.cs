using ILGPU;
using ILGPU.Runtime;

namespace Faith.Kernels.Gpu;

/// <summary>A block of a GPU's memory.</summary>
internal sealed class GpuBuffer : DeviceBuffer
{
    private readonly GpuDevice device;
    private readonly MemoryBuffer1D<float, Stride1D.Dense> memory;

    public GpuBuffer(GpuDevice device, MemoryBuffer1D<float, Stride1D.Dense> memory, long bytes) : base(memory.NativePtr, bytes)
    {
        this.device = device;
        this.memory = memory;
        Floats = memory.View.BaseView;
    }

    /// <summary>Bytes that are taken for this many: whole fours, so that the last one may be read as such.</summary>
    public static long BytesOf(long bytes) => Math.Max(1, (bytes + 15) / 16) * 16;

    /// <summary>The memory as numbers: as many as it has whole ones, and what fills it up.</summary>
    public ArrayView<float> Floats { get; }

    protected override bool ReleaseHandle()
    {
        device.Release(memory);
        // From here on Address says that the buffer is gone.
        SetHandle(0);
        return true;
    }
}
