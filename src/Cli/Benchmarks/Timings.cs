using System.Diagnostics;

namespace Faith.Cli.Benchmarks;

/// <summary>Whole-run times of the same work done several times after one warm-up.</summary>
/// <param name="Seconds">Times in the order of the runs.</param>
/// <param name="Results">What each run gave.</param>
internal sealed record Timings<T>(IReadOnlyList<double> Seconds, IReadOnlyList<T> Results)
{
    /// <summary>The median time.</summary>
    public double Median => Timings.Median(Seconds);

    /// <summary>The shortest time.</summary>
    public double Least => Seconds.Min();

    /// <summary>The longest time.</summary>
    public double Most => Seconds.Max();

    /// <summary>The result of the run whose time is nearest to the median.</summary>
    public T Typical => Results[Enumerable.Range(0, Seconds.Count).MinBy(i => Math.Abs(Seconds[i] - Median))];
}

/// <summary>Runs and times work.</summary>
internal static class Timings
{
    /// <summary>One warm-up, then <paramref name="runs"/> timed runs.</summary>
    public static Timings<T> Of<T>(int runs, Func<T> work) => InTurn(runs, work)[0];

    /// <summary>Several works in turn, so that what else the machine does meets all of them alike: a warm-up of each, then timed rounds.</summary>
    public static Timings<T>[] InTurn<T>(int rounds, params Func<T>[] works)
    {
        foreach (var work in works) work();
        var times = works.Select(_ => (Seconds: new double[rounds], Results: new T[rounds])).ToArray();
        for (var round = 0; round < rounds; round++)
        {
            for (var i = 0; i < works.Length; i++)
            {
                var clock = Stopwatch.StartNew();
                times[i].Results[round] = works[i]();
                times[i].Seconds[round] = clock.Elapsed.TotalSeconds;
            }
        }
        return [.. times.Select(t => new Timings<T>(t.Seconds, t.Results))];
    }

    /// <summary>The middle of some values.</summary>
    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
