using System.Runtime.InteropServices;

namespace Faith.Kernels;

/// <summary>A block of a device's memory, freed exactly once.</summary>
public abstract class DeviceBuffer : SafeHandle
{
    /// <summary>A buffer of <paramref name="bytes"/> bytes.</summary>
    /// <param name="handle">What the device knows it by: an address where its memory has addresses. Never zero.</param>
    /// <param name="bytes">Size in bytes.</param>
    protected DeviceBuffer(nint handle, long bytes) : base(0, ownsHandle: true)
    {
        SetHandle(handle);
        Bytes = bytes;
    }

    /// <summary>Size in bytes.</summary>
    public long Bytes { get; }

    /// <summary>First address; 64-byte aligned on the host, 256-byte aligned on a GPU.</summary>
    internal nint Address => IsInvalid ? throw new ObjectDisposedException(nameof(DeviceBuffer)) : handle;

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;
}
