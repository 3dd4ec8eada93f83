using System.Diagnostics;

namespace Faith.Cli.Benchmarks;

/// <summary>Whole-run times of the same work done several times after one warm-up.</summary>
/// <param name="Seconds">Times in the order of the runs.</param>
/// <param name="Results">What each run gave.</param>
internal sealed record Timings<T>(IReadOnlyList<double> Seconds, IReadOnlyList<T> Results)
{
    /// <summary>The median time.</summary>
    public double Median
    {
        get
        {
            var sorted = Seconds.Order().ToArray();
            return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
        }
    }

    /// <summary>The shortest time.</summary>
    public double Least => Seconds.Min();

    /// <summary>The result of the run whose time is nearest to the median.</summary>
    public T Typical => Results[Enumerable.Range(0, Seconds.Count).MinBy(i => Math.Abs(Seconds[i] - Median))];
}

/// <summary>Runs and times work.</summary>
internal static class Timings
{
    /// <summary>One warm-up, then <paramref name="runs"/> timed runs.</summary>
    public static Timings<T> Of<T>(int runs, Func<T> work)
    {
        work();
        var (seconds, results) = (new double[runs], new T[runs]);
        for (var i = 0; i < runs; i++)
        {
            var clock = Stopwatch.StartNew();
            results[i] = work();
            seconds[i] = clock.Elapsed.TotalSeconds;
        }
        return new(seconds, results);
    }
}
