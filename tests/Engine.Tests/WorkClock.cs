using System.Diagnostics;

namespace Faith.Engine.Tests;

/// <summary>How long a test has worked: on a busy machine the clock goes on without it, and so the time of all processors counts where it is less.</summary>
internal readonly struct WorkClock
{
    private readonly long start = Stopwatch.GetTimestamp();
    private readonly TimeSpan before = Environment.CpuUsage.TotalTime;

    public WorkClock()
    {
    }

    /// <summary>The time so far.</summary>
    public TimeSpan Elapsed
    {
        get
        {
            var (wall, work) = (Stopwatch.GetElapsedTime(start), Environment.CpuUsage.TotalTime - before);
            return wall < work ? wall : work;
        }
    }
}
