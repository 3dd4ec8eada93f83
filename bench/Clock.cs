using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Faith.Bench;

/// <summary>
/// Seconds of a piece of work. On one thread of a Linux machine processor time is used, which other processes do not add to;
/// else elapsed time.
/// </summary>
internal static unsafe partial class Clock
{
    const int ThreadProcessorTime = 3;

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int GetTime(int clock, long* time);

    public static double Now(bool oneThread)
    {
        if (!oneThread || !OperatingSystem.IsLinux()) return (double)Stopwatch.GetTimestamp() / Stopwatch.Frequency;
        var time = stackalloc long[2];
        return GetTime(ThreadProcessorTime, time) == 0 ? time[0] + time[1] * 1e-9 : throw new InvalidOperationException("clock_gettime");
    }

    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted[sorted.Length / 2];
    }
}
