using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Faith.Fuzz.Tests.Targets;
using Xunit;

namespace Faith.Fuzz.Tests;

/// <summary>Gives cases to a target on every core, within limits of time and memory, and names those that it fails.</summary>
internal sealed class FuzzRun(FuzzTarget target)
{
    private const int MostFailures = 20;
    private const long MostAllocated = 512L << 20, MostResident = 2L << 30;
    // A case that took too long is tried again, as others may have had the cores; one that hangs ends the process, as nothing else would.
    private const int Attempts = 3;
    private const double MostSeconds = 2;
    private static readonly TimeSpan Hang = TimeSpan.FromMinutes(10);

    private readonly ConcurrentBag<string> failures = [];
    private int next, taken, refused;

    /// <summary>Runs cases, whose numbers are their seeds.</summary>
    public void Run(Range cases)
    {
        next = cases.Start.Value;
        Task[] workers = [.. Enumerable.Range(0, Environment.ProcessorCount).Select(_ => Task.Factory.StartNew(() => Work(cases.End.Value), TaskCreationOptions.LongRunning))];
        Task.WaitAll(workers);
        Assert.True(failures.IsEmpty, string.Join("\n\n", failures));
        // Were all taken or all refused, the damage would be missing its aim.
        if (taken + refused >= 200) Assert.InRange(taken, (taken + refused) / 100, (taken + refused) * 99 / 100);
    }

    private void Work(int end)
    {
        using var instance = target.Create();
        while (failures.Count < MostFailures && Interlocked.Increment(ref next) - 1 is var seed && seed < end)
        {
            try
            {
                if (Case(instance, seed)) Interlocked.Increment(ref taken);
                else Interlocked.Increment(ref refused);
            }
            catch (Exception e)
            {
                failures.Add($"{Name(seed)}: {e.GetType().Name}: {e.Message}\n{e.StackTrace}");
            }
        }
    }

    private string Name(int seed) => $"{target.Name}, case {seed} (FAITH_FUZZ_TARGET={target.Name} FAITH_FUZZ_SEED={seed} dotnet test tests/Fuzz.Tests)";

    private bool Case(ITarget instance, int seed)
    {
        using var watchdog = new Timer(_ => Environment.FailFast($"{Name(seed)} hangs"), null, Hang, Timeout.InfiniteTimeSpan);
        for (var attempt = 1; ; attempt++)
        {
            var (before, peak, clock, worked) = (GC.GetAllocatedBytesForCurrentThread(), PeakMemory(), Stopwatch.StartNew(), Environment.CpuUsage.TotalTime);
            var isTaken = instance.Run(new Random(seed));
            var (allocated, resident) = (GC.GetAllocatedBytesForCurrentThread() - before, PeakMemory());
            Assert.True(allocated < MostAllocated, $"{allocated:N0} bytes were allocated");
            Assert.True(resident < MostResident || resident == peak, $"{resident:N0} bytes of memory were taken");
            // On a busy machine the clock goes on without us.
            var took = Math.Min(clock.Elapsed.TotalSeconds, (Environment.CpuUsage.TotalTime - worked).TotalSeconds);
            if (took < MostSeconds) return isTaken;
            Assert.True(attempt < Attempts, $"took {took:F1} s");
        }
    }

    // The most memory that this process has had, also what is not of the collector; 0 where the system does not tell.
    private static long PeakMemory()
    {
        const string line = "VmHWM:";
        if (!OperatingSystem.IsLinux()) return 0;
        var text = File.ReadLines("/proc/self/status").First(l => l.StartsWith(line, StringComparison.Ordinal));
        return long.Parse(text.AsSpan(line.Length, text.Length - line.Length - "kB".Length).Trim(), NumberStyles.None, CultureInfo.InvariantCulture) << 10;
    }
}
