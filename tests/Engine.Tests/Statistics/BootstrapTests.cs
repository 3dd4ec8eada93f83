using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Statistics;
using Xunit;

namespace Faith.Engine.Tests.Statistics;

/// <summary>Resamples and their intervals.</summary>
public sealed class BootstrapTests
{
    [Fact]
    public void ResamplesHaveAsManyExamplesAndAreTheSameForASeed()
    {
        var (a, b, other) = (new Bootstrap(7, 50, 3), new Bootstrap(7, 50, 3), new Bootstrap(7, 50, 4));
        var differs = false;
        for (var r = 0; r < a.Count; r++)
        {
            Assert.Equal(7, a[r].ToArray().Sum());
            Assert.Equal(a[r].ToArray(), b[r].ToArray());
            differs |= !a[r].SequenceEqual(other[r]);
        }
        Assert.True(differs);
    }

    [Fact]
    public void EveryExampleIsDrawnAlikeOften()
    {
        var bootstrap = new Bootstrap(10, 2000, 1);
        for (var i = 0; i < 10; i++)
        {
            var drawn = Enumerable.Range(0, bootstrap.Count).Sum(r => bootstrap[r][i]);
            Assert.InRange(drawn, 1800, 2200);
        }
    }

    [Fact]
    public void QuantilesLieBetweenOrderStatistics()
    {
        double[] values = [4, 1, 3, 2, 5, double.NaN];
        Assert.Equal(new Interval(1.5, 4.5), Interval.Of(values, 0.75));
        Assert.Equal(new Interval(7, 7), Interval.Of([7], 0.95));
        Assert.True(double.IsNaN(Interval.Of([double.NaN], 0.95).Low));
        Assert.Throws<ArgumentOutOfRangeException>(() => Interval.Of(values, 1));
    }

    // The standard deviation of a mean of n numbers is σ/√n; a 95 % interval is about 2 · 1.96 of it wide.
    [Fact]
    public void TheIntervalOfAMeanIsAsWideAsItsStandardErrorSays()
    {
        var random = new Random(5);
        var circuit = Enumerable.Range(0, 100).Select(_ => random.NextDouble()).ToArray();
        var (ones, zeros) = (Enumerable.Repeat(1.0, 100).ToArray(), new double[100]);
        var interval = new Bootstrap(100, 4000, 6).Faithfulness(new Faithfulness(circuit, ones, zeros), 0.95);
        var mean = circuit.Average();
        var error = Math.Sqrt(circuit.Sum(x => (x - mean) * (x - mean)) / 99 / 100);
        Assert.InRange((interval.High - interval.Low) / (2 * 1.96 * error), 0.9, 1.1);
        Assert.InRange(mean, interval.Low, interval.High);
    }

    [Fact]
    public void ShuffledLabelsKeepPromptsAndPermuteAnswersWithTheirDistractors()
    {
        Example[] data = [.. Enumerable.Range(0, 20).Select(i => new Example([1, i], [2, i], [100 + i], [200 + i]))];
        var shuffled = ShuffledLabels.Of(data, 1);
        Assert.Equal(data.Select(e => e.Clean), shuffled.Select(e => e.Clean));
        Assert.Equal(data.Select(e => e.Answers[0]), shuffled.Select(e => e.Answers[0]).Order());
        Assert.All(shuffled, e => Assert.Equal(e.Answers[0] + 100, e.Distractors[0]));
        Assert.NotEqual(data.Select(e => e.Answers[0]), shuffled.Select(e => e.Answers[0]));
    }
}
