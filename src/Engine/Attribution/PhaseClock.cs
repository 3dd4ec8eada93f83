using Faith.Kernels;

namespace Faith.Engine.Attribution;

/// <summary>
/// Where a run's time goes, by the device's own clock and without waiting for it, but for a device that is far behind.
/// </summary>
/// <param name="device">The device.</param>
internal sealed class PhaseClock(Device device) : IDisposable
{
    private const int MarksHeld = 256;

    private readonly Dictionary<string, double> seconds = [];
    private readonly Queue<(string Phase, DeviceMark End)> laps = [];
    private DeviceMark last = device.Mark();

    /// <summary>Seconds by phase; waits for the device.</summary>
    public IReadOnlyDictionary<string, double> Seconds
    {
        get
        {
            while (laps.Count > 0) Book();
            return seconds;
        }
    }

    /// <summary>Books the time since the last lap under <paramref name="phase"/>.</summary>
    public void Lap(string phase)
    {
        laps.Enqueue((phase, device.Mark()));
        if (laps.Count > MarksHeld) Book();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        last.Dispose();
        foreach (var (_, mark) in laps) mark.Dispose();
        laps.Clear();
    }

    private void Book()
    {
        var (phase, end) = laps.Dequeue();
        seconds[phase] = seconds.GetValueOrDefault(phase) + end.SecondsSince(last);
        last.Dispose();
        last = end;
    }
}
