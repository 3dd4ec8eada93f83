using System.Diagnostics;
using Faith.Kernels;

namespace Faith.Engine.Attribution;

/// <summary>Where a run's time goes.</summary>
internal sealed class PhaseClock(Device device)
{
    private readonly Dictionary<string, double> seconds = [];
    private long last = Stopwatch.GetTimestamp();

    /// <summary>Seconds by phase.</summary>
    public IReadOnlyDictionary<string, double> Seconds => seconds;

    /// <summary>Books the time since the last lap under <paramref name="phase"/>.</summary>
    public void Lap(string phase)
    {
        device.Synchronize();
        var now = Stopwatch.GetTimestamp();
        seconds[phase] = seconds.GetValueOrDefault(phase) + Stopwatch.GetElapsedTime(last, now).TotalSeconds;
        last = now;
    }
}
