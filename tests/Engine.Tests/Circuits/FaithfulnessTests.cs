using Faith.Engine.Circuits;
using Faith.Engine.Metrics;
using Faith.Engine.Statistics;
using Xunit;

namespace Faith.Engine.Tests.Circuits;

/// <summary>A ratio of differences that are not there is not defined, and says why.</summary>
public sealed class FaithfulnessTests
{
    private static Faithfulness Of(double circuit, double clean, double corrupted, MetricKind metric = MetricKind.LogitDifference) => new([circuit, circuit], [clean, clean], [corrupted, corrupted]) { Metric = metric };

    [Fact]
    public void DefinedRatios()
    {
        Assert.Equal(0.5, Of(1.5, 2, 1).Normalised);
        Assert.Null(Of(1.5, 2, 1).Undefined);
        Assert.Equal(0.75, Of(0.25, 0, 1, MetricKind.KullbackLeibler).Normalised);
        Assert.Equal(1, Of(0, 0, 1e-9, MetricKind.KullbackLeibler).Normalised);
        Assert.Equal(1, Of(1e-4, 1e-4, 0).Normalised);
        Assert.False(double.IsNegative(Of(-1, 2, -1).Normalised));
        Assert.False(double.IsNegative(Of(-0.0, 2, 0).Normalised));
    }

    [Theory]
    [InlineData(1, 1, MetricKind.LogitDifference, "do not differ")]
    [InlineData(1, 0.999999, MetricKind.LogitDifference, "rounding errors")]
    [InlineData(1e-7, -1e-7, MetricKind.LogitDifference, "rounding errors")]
    [InlineData(1e-9, 0, MetricKind.ProbabilityDifference, "rounding errors")]
    [InlineData(0, 1e-15, MetricKind.JensenShannon, "rounding errors")]
    [InlineData(-1, 1, MetricKind.LogitDifference, "clean (-1.0000) lies below corrupted (1.0000)")]
    [InlineData(-0.2, 0.1, MetricKind.ProbabilityDifference, "lies below")]
    public void UndefinedRatios(double clean, double corrupted, MetricKind metric, string reason)
    {
        var result = Of(7.3268, clean, corrupted, metric);
        Assert.Contains(reason, result.Undefined, StringComparison.Ordinal);
        Assert.True(double.IsNaN(result.Normalised));
        var interval = new Bootstrap(2, 20, 0).Faithfulness(result, 0.95);
        Assert.True(double.IsNaN(interval.Low) && double.IsNaN(interval.High));
    }

    [Fact]
    public void AnIntervalNeedsNearlyAllResamples()
    {
        // Clean is above corrupted only where the last example is drawn: in about two of three resamples.
        double[] zeros = [0, 0, 0], clean = [0, 0, 1];
        Assert.True(double.IsNaN(new Bootstrap(3, 200, 1).Faithfulness(new Faithfulness(clean, clean, zeros), 0.95).Low));
        Assert.Equal(1, new Bootstrap(3, 200, 1).Faithfulness(new Faithfulness(clean, clean, zeros), 0.1).Low);
    }
}
