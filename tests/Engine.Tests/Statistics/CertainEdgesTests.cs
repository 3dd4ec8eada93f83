using Faith.Engine.Attribution;
using Faith.Engine.Graphs;
using Faith.Engine.Passes;
using Faith.Engine.ScoreFiles;
using Faith.Engine.Statistics;
using Faith.Engine.Tests.Models;
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

    private const string Edge = """{"edge": "input->m0", "score": 1, "interval": {"low": 0.5, "high": 2}, "selected": {"3": 0.9, "5": 1}}""";
    private const string Written = $$"""{"method": "eap", "edges": [{{Edge}}], "near_misses": [], "sizes": [{"selected": 3}, {"selected": 5}]}""";

    [Fact]
    public void Edges_are_read_as_a_study_wrote_them()
    {
        var edge = Assert.Single(Read(Written).Edges);
        Assert.Equal((1.0, new Interval(0.5, 2)), (edge.Score, edge.Interval));
        Assert.Equal([0.9, 1.0], edge.Selected);
    }

    [Theory]
    [InlineData("{\"selected\": 5}", "{\"selected\": 3}", "sizes: 3 is given twice")]
    [InlineData("\"near_misses\": []", $"\"near_misses\": [{Edge}]", "\"input->m0\" is given twice")]
    [InlineData("\"low\": 0.5", "\"low\": -1e999", "\"input->m0\" has a number that is not finite")]
    [InlineData("\"score\": 1", "\"score\": 1e999", "has a number that is not finite")]
    [InlineData("\"5\": 1", "\"6\": 1", "holds no intervals of edges")]
    [InlineData("input->m0", "input->m9", "is no edge of a model of 1 layers and 1 heads")]
    public void Damaged_files_of_a_study_are_refused(string from, string to, string expected)
    {
        Assert.Contains(from, Written, StringComparison.Ordinal);
        Assert.Contains(expected, Assert.Throws<InputException>(() => Read(Written.Replace(from, to, StringComparison.Ordinal))).Message, StringComparison.Ordinal);
    }

    private static StabilityFile Read(string json)
    {
        using var folder = new TemporaryDirectory();
        File.WriteAllText(folder.File("i.json"), json);
        return StabilityFile.Read(folder.File("i.json"), new ModelGraph(1, 1));
    }

    [Fact]
    public void An_interval_is_certain_on_one_side_of_zero()
    {
        Assert.True(new Interval(0.1, 2).IsCertain);
        Assert.True(new Interval(-2, -0.1).IsCertain);
        Assert.All([new Interval(0, 1), new(-1, 0), new(-1, 1), new(double.NaN, double.NaN)], interval => Assert.False(interval.IsCertain));
    }
}
