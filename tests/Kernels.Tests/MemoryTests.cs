using Faith.Kernels.Host;

namespace Faith.Kernels.Tests;

public sealed unsafe class MemoryTests
{
    [Fact]
    public void MemoryIsZeroedAlignedAndFreedOnce()
    {
        using var device = new HostDevice(1);
        var buffer = device.Allocate(1001);
        Assert.Equal(0, buffer.Address % 64);
        Assert.Equal(1001, buffer.Bytes);
        var bytes = new byte[1001];
        device.Download(buffer, 0, bytes);
        Assert.All(bytes, b => Assert.Equal(0, b));
        device.Upload((ReadOnlySpan<byte>)[1, 2, 3], buffer, 5);
        device.Synchronize();
        device.Download(buffer, 4, bytes.AsSpan(0, 5));
        Assert.Equal([0, 1, 2, 3, 0], bytes[..5]);
        buffer.Dispose();
        buffer.Dispose();
        Assert.Throws<ObjectDisposedException>(() => buffer.Address);
    }

    [Fact]
    public void TooLargeAnAllocationSaysSo()
    {
        using var device = new HostDevice(1);
        Assert.Throws<DeviceMemoryException>(() => device.Allocate(1L << 60));
    }

    [Fact]
    public void NameAndFreeMemoryDescribeTheMachine()
    {
        using var device = new HostDevice(3);
        Assert.Contains("3 threads", device.Name, StringComparison.Ordinal);
        Assert.InRange(device.FreeMemory, 1, long.MaxValue);
        device.Dispose();
    }
}
