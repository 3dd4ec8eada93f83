using Faith.Engine.Attribution;
using Faith.Engine.Data;
using Faith.Engine.Metrics;
using Faith.Engine.Models;
using Faith.Engine.Passes;
using Faith.Engine.Tests.Oracle;
using Faith.Kernels;
using Faith.Kernels.Host;
using Xunit;

namespace Faith.Engine.Tests.Attribution;

/// <summary>The fused scores against the literal float64 oracle, and the identities that the two could not both miss.</summary>
public class PathAttributionTests
{
    private const double Tolerance = 1e-5;

    public static TheoryData<string> ModelNames() => [.. Models.Keys];

    private static readonly Dictionary<string, Func<ModelWeights>> Models = new()
    {
        ["gpt2"] = () => RandomModels.Gpt2(1),
        ["gpt2, 3 layers, untied, narrow"] = () => RandomModels.Create(RandomModels.Gpt2Config(layers: 3, heads: 3, headDim: 5, mlpWidth: 17, width: 19) with { TiedEmbedding = false }, 2),
        ["gpt2, one layer"] = () => RandomModels.Create(RandomModels.Gpt2Config(layers: 1), 3),
        ["gpt2, parallel blocks"] = () => RandomModels.Create(RandomModels.Gpt2Config(layers: 3) with { ParallelBlocks = true }, 4),
        ["llama"] = () => RandomModels.Llama(5),
        ["llama, tied, one key head, 3 layers"] = () => RandomModels.Create(RandomModels.LlamaConfig(layers: 3, keyValueHeads: 1, tied: true, width: 21), 6),
        ["llama, no sharing, partial rotary"] = () => RandomModels.Create(RandomModels.LlamaConfig(keyValueHeads: 4, rotaryDimensions: 4), 7),
        ["llama 3 scaling"] = () => RandomModels.Create(RandomModels.LlamaConfig(scaling: new Llama3Scaling(8, 1, 4, 16)), 8),
        ["qwen2"] = () => RandomModels.Qwen2(9),
    };

    [Theory, MemberData(nameof(ModelNames))]
    public void EveryMethodAgreesWithTheOracle(string name)
    {
        using var weights = Models[name]();
        var data = RandomExamples.Create(11, weights.Config.Vocabulary);
        Compare(weights, data, new() { Method = "eap" }, OracleMethod.Eap);
        Compare(weights, data, new() { Method = "clean-corrupted" }, OracleMethod.CleanCorrupted);
        Compare(weights, data, new() { Method = "eap-ig", Steps = 5 }, OracleMethod.EapIg);
    }

    [Theory]
    [InlineData(IntegrationRule.Left, OracleRule.Left)]
    [InlineData(IntegrationRule.Right, OracleRule.Right)]
    [InlineData(IntegrationRule.Midpoint, OracleRule.Midpoint)]
    [InlineData(IntegrationRule.Trapezoid, OracleRule.Trapezoid)]
    [InlineData(IntegrationRule.GaussLegendre, OracleRule.GaussLegendre)]
    public void EveryRuleAgreesWithTheOracle(IntegrationRule rule, OracleRule oracleRule)
    {
        foreach (var weights in new[] { RandomModels.Gpt2(21), RandomModels.Llama(22) })
        {
            var data = RandomExamples.Create(23, weights.Config.Vocabulary);
            foreach (var steps in new[] { 1, 3, 11 }) Compare(weights, data, new() { Steps = steps, Rule = rule }, OracleMethod.EapIg, oracleRule);
        }
    }

    [Theory]
    [InlineData(MetricKind.ProbabilityDifference, OracleMetric.ProbDiff)]
    [InlineData(MetricKind.KullbackLeibler, OracleMetric.Kl)]
    [InlineData(MetricKind.JensenShannon, OracleMetric.Js)]
    public void EveryMetricAgreesWithTheOracle(MetricKind metric, OracleMetric oracleMetric)
    {
        foreach (var weights in new[] { RandomModels.Gpt2(31), RandomModels.Llama(32) })
        {
            var data = RandomExamples.Create(33, weights.Config.Vocabulary);
            foreach (var rule in new[] { IntegrationRule.Left, IntegrationRule.Right })
            {
                Compare(weights, data, new() { Metric = metric, Steps = 4, Rule = rule }, OracleMethod.EapIg,
                    rule == IntegrationRule.Left ? OracleRule.Left : OracleRule.Right, oracleMetric);
            }
        }
    }

    [Fact]
    public void OneRightStepIsEap()
    {
        var data = RandomExamples.Create(41, 53);
        Assert.Equal(Scores(RandomModels.Gpt2(40), data, new() { Method = "eap" }), Scores(RandomModels.Gpt2(40), data, new() { Steps = 1, Rule = IntegrationRule.Right }));
    }

    [Theory, MemberData(nameof(ModelNames))]
    public void ScoresOutOfTheInputAddUpToTheChangeOfTheLoss(string name)
    {
        using var weights = Models[name]();
        using var device = new HostDevice();
        using var model = new Transformer(device, weights);
        var data = RandomExamples.Create(51, weights.Config.Vocabulary);
        // Without learned positions the path between two random embeddings passes close to zero, where RMSNorm bends it sharply.
        var steps = weights.Config.Norm == NormKind.LayerNorm ? 32 : 256;
        var result = Attributor.Run(model, data, new() { Steps = steps, Rule = IntegrationRule.GaussLegendre });
        Assert.InRange(result.CompletenessGap!.Value, 0, 1e-3);
    }

    [Fact]
    public void ScoresHaveTheSameBitsForAnyThreadsMicroBatchAndOrder()
    {
        foreach (var weights in new[] { RandomModels.Gpt2(61), RandomModels.Llama(62) })
        {
            var data = RandomExamples.Create(63, weights.Config.Vocabulary, count: 12);
            var options = new AttributionOptions { Steps = 11 };
            var expected = Scores(weights, data, options, threads: 1);
            Assert.Equal(expected, Scores(weights, data, options, threads: 2));
            Assert.Equal(expected, Scores(weights, data, options, threads: 3));
            Assert.Equal(expected, Scores(weights, [.. data.Reverse()], options));
            var alone = SmallestBudget(weights, data, options);
            Assert.Equal(expected, Scores(weights, data, options with { MemoryBytes = alone }));
            Assert.Equal(expected, Scores(weights, data, options with { MemoryBytes = 2 * alone }));
        }
    }

    [Fact]
    public void AnExampleThatDoesNotFitIsNamed()
    {
        using var weights = RandomModels.Gpt2(71);
        var data = RandomExamples.Create(72, weights.Config.Vocabulary);
        var thrown = Assert.Throws<InputException>(() => Scores(weights, data, new() { MemoryBytes = 1000 }));
        Assert.Contains("example 1", thrown.Message, StringComparison.Ordinal);
        Assert.Contains("--memory", thrown.Message, StringComparison.Ordinal);
    }

    /// <summary>The smallest allowance, to a few per cent, with which every example still fits: micro-batches of one or two.</summary>
    private static long SmallestBudget(ModelWeights weights, IReadOnlyList<Example> data, AttributionOptions options)
    {
        for (long bytes = 10_000; ; bytes += bytes / 20)
        {
            try
            {
                Scores(weights, data, options with { MemoryBytes = bytes });
                return bytes;
            }
            catch (InputException)
            {
                // too small: try more
            }
        }
    }

    private static double[] Scores(ModelWeights weights, IReadOnlyList<Example> data, AttributionOptions options, int threads = 2)
    {
        using var device = new HostDevice(threads);
        using var model = new Transformer(device, weights);
        return Attributor.Run(model, data, options).Scores.Values;
    }

    private static void Compare(ModelWeights weights, IReadOnlyList<Example> data, AttributionOptions options, OracleMethod method,
        OracleRule? rule = null, OracleMetric metric = OracleMetric.LogitDiff)
    {
        var expected = OracleRun.Scores(weights, data, method, options.Steps, rule, metric);
        Close.Check(expected, Scores(weights, data, options), Tolerance, $"{options}");
    }
}
