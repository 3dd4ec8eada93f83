using Xunit;

namespace Faith.Engine.Tests;

/// <summary>Comparison of whole results, relative to the largest expected entry.</summary>
public static class Close
{
    /// <summary>Fails, naming the worst entry, when any entry is off by more than <paramref name="tolerance"/> times the largest expected magnitude.</summary>
    public static void Check(IReadOnlyList<double> expected, IReadOnlyList<double> actual, double tolerance, string what)
    {
        Assert.Equal(expected.Count, actual.Count);
        var largest = expected.Max(Math.Abs);
        Assert.True(largest > 0, $"{what}: nothing to compare, all expected values are zero");
        var (worst, index) = (0.0, 0);
        for (var i = 0; i < expected.Count; i++)
        {
            var error = Math.Abs(expected[i] - actual[i]) / largest;
            if (error > worst || double.IsNaN(error)) (worst, index) = (double.IsNaN(error) ? double.PositiveInfinity : error, i);
        }
        Assert.True(worst <= tolerance, $"{what}: entry {index} is {actual[index]}, expected {expected[index]}: off by {worst:g3} of the largest ({largest:g3})");
    }
}
