using Faith.Engine.Circuits;
using Faith.Engine.Mib;
using Xunit;

namespace Faith.Engine.Tests.Mib;

public sealed class MibCurveTests
{
    // GPT-2 on ioi, by |score|, as published.
    private static readonly double[] Published = [.0197, .0887, .3099, .6090, .9112, .8768, .9324, .9046, 1.0131, 1];

    [Fact]
    public void A_published_run_has_its_published_areas()
    {
        var curve = Curve([.. Published.Select(f => new[] { f })], [1], [0]);
        Assert.Equal(Published, curve.Faithfulness);
        Assert.Equal(.9654, curve.Areas.Cpr, 4);
        Assert.Equal(.0441, curve.Areas.Cmd, 4);
        Assert.Equal(Published.Average(), curve.Average, 1e-12);
    }

    [Fact]
    public void Faithfulness_is_of_means_whatever_their_order()
    {
        // Clean 2, corrupted −1: (0.5 + 1) / 3.
        Assert.Equal(0.5, Curve([.. Enumerable.Repeat(new[] { 0.0, 1.0 }, 10)], [1, 3], [-3, 1]).Faithfulness[3], 1e-12);
        // Where clean lies below corrupted the benchmark computes all the same.
        Assert.Equal(-1, Curve([.. Enumerable.Repeat(new[] { 2.0 }, 10)], [0], [1]).Faithfulness[0], 1e-12);
    }

    [Fact]
    public void Accuracy_counts_signs_over_the_logarithm()
    {
        // Half of the examples are above 0 up to p = 0.1, all from 0.2 on.
        var circuits = Enumerable.Range(0, 10).Select(i => i < 7 ? new[] { -1.0, 5.0 } : [1.0, 5.0]).ToArray();
        var (total, step) = (Math.Log(1000), Math.Log(2));
        Assert.Equal((0.5 * Math.Log(100) + 0.75 * step + Math.Log(5)) / total, Curve(circuits, [9, 9], [-9, -9]).AccuracyArea, 1e-12);
    }

    private static MibCurve Curve(double[][] circuits, double[] clean, double[] corrupted) =>
        new([.. circuits.Select((_, i) => i)], [.. circuits.Select(values => new Faithfulness(values, clean, corrupted))]);
}
