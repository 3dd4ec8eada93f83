using Faith.Engine.Attribution;
using Faith.Engine.Graphs;
using Faith.Engine.Passes;
using Faith.Engine.Statistics;
using Faith.Engine.Tests.Oracle;
using Faith.Kernels.Host;
using Xunit;

namespace Faith.Engine.Tests.Statistics;

/// <summary>Edges whose sign is certain, by the intervals that a study of stability gives.</summary>
public sealed class CertainEdgesTests
{
    [Fact]
    public void Edges_are_certain_by_the_intervals_of_a_study()
    {
        using var weights = RandomModels.Gpt2(21);
        var data = RandomExamples.Create(22, weights.Config.Vocabulary, count: 6);
        using var device = new HostDevice(2);
        using var model = new Transformer(device, weights);
        var kept = new ExampleScores(model.Graph, data.Length);
        Attributor.Run(model, data, new() { Method = "eap", Sink = kept });
        var study = StabilityStudy.Run(model, data, new() { Method = "eap" }, new() { Sizes = [model.Graph.Edges], RandomCircuits = 0, Shuffles = 0 });
        EdgeId[] expected = [.. study.Edges.Where(e => e.Interval.Low > 0 || e.Interval.High < 0).Select(e => e.Edge).Order()];
        Assert.InRange(expected.Length, 1, model.Graph.Edges - 1);
        Assert.Equal(expected, CertainEdges.Of(kept));
        Assert.Throws<ArgumentException>(() => kept.Resampled(expected[0], new Bootstrap(5, 10, 0)));
    }

    [Fact]
    public void An_interval_is_certain_on_one_side_of_zero()
    {
        Assert.True(new Interval(0.1, 2).IsCertain);
        Assert.True(new Interval(-2, -0.1).IsCertain);
        Assert.All([new Interval(0, 1), new(-1, 0), new(-1, 1), new(double.NaN, double.NaN)], interval => Assert.False(interval.IsCertain));
    }
}
