using System.Diagnostics;

namespace Faith.Kernels;

/// <summary>A place in the order of a device's operations, which knows when the device came there.</summary>
public abstract class DeviceMark : IDisposable
{
    /// <summary>Seconds from an earlier mark of the same device to this one. Waits until the device has come here.</summary>
    public abstract double SecondsSince(DeviceMark earlier);

    /// <inheritdoc/>
    public abstract void Dispose();
}

/// <summary>A mark on a device whose operations are done when they return.</summary>
internal sealed class ClockMark : DeviceMark
{
    private readonly long time = Stopwatch.GetTimestamp();

    public override double SecondsSince(DeviceMark earlier) => Stopwatch.GetElapsedTime(((ClockMark)earlier).time, time).TotalSeconds;

    public override void Dispose() { }
}
