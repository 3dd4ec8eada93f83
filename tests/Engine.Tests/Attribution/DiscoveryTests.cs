using Faith.Engine.Ablations;
using Faith.Engine.Attribution;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Passes;
using Faith.Engine.Tests.Oracle;
using Faith.Kernels.Host;
using Xunit;

namespace Faith.Engine.Tests.Attribution;

/// <summary>ACDC against its algorithm, written out with the oracle's circuits.</summary>
public class DiscoveryTests
{
    private static readonly double[] Thresholds = [0.01, 0.05, 0.2];

    [Theory]
    [InlineData(MetricKind.LogitDifference, OracleMetric.LogitDiff, Ablation.Patching, OracleAblation.Patching, 1)]
    [InlineData(MetricKind.KullbackLeibler, OracleMetric.Kl, Ablation.Patching, OracleAblation.Patching, 0.02)]
    [InlineData(MetricKind.LogitDifference, OracleMetric.LogitDiff, Ablation.Zero, OracleAblation.Zero, 1)]
    public void EdgesGoAsTheAlgorithmSays(MetricKind metric, OracleMetric oracleMetric, Ablation ablation, OracleAblation oracleAblation, double scale)
    {
        foreach (var weights in new[]
        {
            RandomModels.Create(RandomModels.Gpt2Config(heads: 2), 1), RandomModels.Create(RandomModels.LlamaConfig(heads: 2, keyValueHeads: 1), 2),
        })
        {
            var data = RandomExamples.Create(3, weights.Config.Vocabulary, count: 3, longest: 5);
            var thresholds = Thresholds.Select(t => t * scale).ToArray();
            var expected = LiteralDiscovery.Scores(new ModelGraph(weights.Config.Layers, weights.Config.Heads), thresholds, circuit =>
            {
                var mean = OracleRun.Circuit(weights, data, circuit, oracleMetric, oracleAblation).Circuit.Average();
                return metric.IsDivergence() ? mean : -mean;
            });
            var result = Scoring.Run(weights, data, new() { Method = "acdc", Metric = metric, Ablation = ablation, Thresholds = thresholds });
            Assert.Equal(expected, result.Scores.Values);
            Assert.Equal(thresholds, result.Thresholds!.Select(t => t.Threshold));
            // What a threshold leaves is what it and those below it did not take.
            Assert.All(result.Thresholds!, t => Assert.Equal(expected.Count(s => s > t.Threshold), t.Edges));
            Assert.All(result.Thresholds!, t => Assert.Equal(t.Edges, expected.Count(s => s >= t.LeastScore)));
            Assert.True(expected.Distinct().Count() > 3, "too little happened to tell");
        }
    }

    [Fact]
    public void ResultsHaveTheSameBitsForAnyThreadsAndOrder()
    {
        using var weights = RandomModels.Create(RandomModels.Gpt2Config(heads: 2), 11);
        var data = RandomExamples.Create(12, weights.Config.Vocabulary);
        var expected = Scoring.Scores(weights, data, new() { Method = "acdc" }, threads: 1);
        Assert.Equal(expected, Scoring.Scores(weights, data, new() { Method = "acdc" }, threads: 3));
        Assert.Equal(expected, Scoring.Scores(weights, [.. data.Reverse()], new() { Method = "acdc", Thresholds = [.. expected.Where(s => s > 0).Distinct().Order().SkipLast(1)] }));
    }

    [Fact]
    public void ThresholdsMustRise()
    {
        using var weights = RandomModels.Gpt2(21);
        var data = RandomExamples.Create(22, weights.Config.Vocabulary);
        foreach (var thresholds in new double[][] { [], [0], [0.2, 0.1], [double.NaN] })
        {
            Assert.Throws<InputException>(() => Scoring.Scores(weights, data, new() { Method = "acdc", Thresholds = thresholds }));
        }
    }

    [Fact]
    public void ExamplesThatDoNotFitAtOnceAreRefused()
    {
        using var weights = RandomModels.Gpt2(31);
        var data = RandomExamples.Create(32, weights.Config.Vocabulary);
        using var device = new HostDevice(1);
        using var model = new Transformer(device, weights);
        var one = Attributor.Run(model, data[..1], new() { Method = "acdc", Thresholds = [0.1] }).WorkspaceBytes;
        var thrown = Assert.Throws<InputException>(() => Attributor.Run(model, data, new() { Method = "acdc", MemoryBytes = one }));
        Assert.Contains("--memory", thrown.Message, StringComparison.Ordinal);
    }
}
