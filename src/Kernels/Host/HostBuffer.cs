using System.Runtime.InteropServices;

namespace Faith.Kernels.Host;

/// <summary>Zeroed host memory, aligned to 64 bytes or more.</summary>
internal sealed unsafe class HostBuffer : DeviceBuffer
{
    /// <summary>A page, beyond which nothing is read ahead.</summary>
    public const int Page = 4096;

    /// <summary>Allocates <paramref name="bytes"/> bytes.</summary>
    public HostBuffer(long bytes, int alignment = 64) : base(Reserve(bytes, alignment), bytes) { }

    /// <summary>First element.</summary>
    public float* Floats => (float*)Address;

    static nint Reserve(long bytes, int alignment)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        try
        {
            var size = (nuint)Math.Max(bytes, 1);
            var memory = NativeMemory.AlignedAlloc(size, (nuint)alignment);
            NativeMemory.Clear(memory, size);
            return (nint)memory;
        }
        catch (OutOfMemoryException)
        {
            throw new DeviceMemoryException($"The host has no {bytes:N0} bytes left.");
        }
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        NativeMemory.AlignedFree((void*)handle);
        SetHandle(0); // so that a later use is an error and not a wild address
        return true;
    }
}
