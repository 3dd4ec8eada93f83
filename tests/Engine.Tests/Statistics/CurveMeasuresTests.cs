using Faith.Engine.Circuits;
using Faith.Engine.Metrics;
using Faith.Engine.Statistics;
using Xunit;

namespace Faith.Engine.Tests.Statistics;

/// <summary>CPR, CMD and acc-AUC with their resamples.</summary>
public sealed class CurveMeasuresTests
{
    // GPT-2 on ioi, by |score|, as published with its areas.
    private static readonly double[] Published = [.0197, .0887, .3099, .6090, .9112, .8768, .9324, .9046, 1.0131, 1];

    [Fact]
    public void Where_all_examples_are_alike_every_resample_is_what_was_published()
    {
        var results = Published.Select(f => new Faithfulness([f, f, f], [1, 1, 1], [0, 0, 0])).ToArray();
        var measures = CurveMeasures.Of(CurveAreas.MibFractions, results, new Bootstrap(3, 20, 1));
        foreach (var (measure, value) in ((Resampled, double)[])[(measures.Cpr, .9654), (measures.Cmd, .0441), (measures.Accuracy, 1)])
        {
            Assert.Equal(value, measure.Value, 4);
            Assert.Equal(20, measure.Resamples.Count);
            Assert.All(measure.Resamples, resample => Assert.Equal(measure.Value, resample, 1e-12));
        }
    }

    [Fact]
    public void A_resample_is_the_curve_of_the_examples_that_it_drew()
    {
        var random = new Random(3);
        double[] Draw(double least, double most) => [.. Enumerable.Range(0, 7).Select(_ => least + (most - least) * random.NextDouble())];
        var (clean, corrupted, fractions) = (Draw(2, 3), Draw(-1, 0), new[] { 0.01, 0.1, 1 });
        var results = fractions.Select(_ => new Faithfulness(Draw(-1, 3), clean, corrupted)).ToArray();
        var bootstrap = new Bootstrap(7, 40, 5);
        var measures = CurveMeasures.Of(fractions, results, bootstrap);
        for (var r = 0; r < bootstrap.Count; r++)
        {
            int[] drawn = [.. bootstrap[r].ToArray().SelectMany((count, i) => Enumerable.Repeat(i, count))];
            double Mean(double[] values) => drawn.Average(i => values[i]);
            double[] f = [.. results.Select(c => (Mean(c.Circuit) - Mean(corrupted)) / (Mean(clean) - Mean(corrupted)))], right = [.. results.Select(c => drawn.Average(i => c.Circuit[i] > 0 ? 1.0 : 0.0))];
            Assert.Equal(0.09 * (f[0] + f[1]) / 2 + 0.9 * (f[1] + f[2]) / 2, measures.Cpr.Resamples[r], 1e-12);
            Assert.Equal(0.09 * (Math.Abs(1 - f[0]) + Math.Abs(1 - f[1])) / 2 + 0.9 * (Math.Abs(1 - f[1]) + Math.Abs(1 - f[2])) / 2, measures.Cmd.Resamples[r], 1e-12);
            Assert.Equal((right[0] + 2 * right[1] + right[2]) / 4, measures.Accuracy.Resamples[r], 1e-12); // over the logarithm both parts are alike
        }
        var interval = measures.Cpr.Interval(0.9);
        Assert.InRange(measures.Cpr.Value, interval.Low, interval.High);
        Assert.Equal(Interval.Of(measures.Cpr.Resamples, 0.9), interval);
    }

    [Fact]
    public void What_is_not_defined_has_no_interval()
    {
        var upsideDown = new Faithfulness([1, 2], [0, 0], [1, 1]);
        var measures = CurveMeasures.Of([0.1, 1], [upsideDown, upsideDown], new Bootstrap(2, 20, 1));
        Assert.True(double.IsNaN(measures.Cpr.Value) && double.IsNaN(measures.Cpr.Interval(0.95).Low));
        Assert.Equal(1, measures.Accuracy.Value);
        var divergence = new Faithfulness([0.5, 0.5], [0, 0], [1, 1]) { Metric = MetricKind.KullbackLeibler };
        measures = CurveMeasures.Of([0.1, 1], [divergence, divergence], new Bootstrap(2, 20, 1));
        Assert.Equal(0.45, measures.Cpr.Value, 1e-12);
        Assert.True(double.IsNaN(measures.Accuracy.Value));
        // A log-probability is below 0 whatever the model does.
        var probability = new Faithfulness([-2, -2], [-1, -1], [-3, -3]) { Metric = MetricKind.LogProbability };
        measures = CurveMeasures.Of([0.1, 1], [probability, probability], new Bootstrap(2, 20, 1));
        Assert.Equal(0.45, measures.Cpr.Value, 1e-12);
        Assert.True(double.IsNaN(measures.Accuracy.Value) && double.IsNaN(measures.Accuracy.Interval(0.95).Low));
    }

    [Fact]
    public void A_mean_is_taken_resample_by_resample()
    {
        var mean = Resampled.Mean([new(1, [0, 2, 4]), new(3, [2, 2, 8])]);
        Assert.Equal(2, mean.Value);
        Assert.Equal([1, 2, 6], mean.Resamples);
        Assert.True(double.IsNaN(Resampled.Mean([new(1, [0]), new(double.NaN, [double.NaN])]).Interval(0.95).High));
    }
}
