using System.Runtime.InteropServices;

namespace Faith.Kernels.Host;

/// <summary>64-byte-aligned zeroed host memory.</summary>
internal sealed unsafe class HostBuffer : DeviceBuffer
{
    const int Alignment = 64;

    /// <summary>Allocates <paramref name="bytes"/> bytes.</summary>
    public HostBuffer(long bytes) : base(Reserve(bytes), bytes) { }

    /// <summary>First element.</summary>
    public float* Floats => (float*)Address;

    static nint Reserve(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        try
        {
            var size = (nuint)Math.Max(bytes, 1);
            var memory = NativeMemory.AlignedAlloc(size, Alignment);
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
