using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Graphs;
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
    public static TheoryData<string> ModelNames() => Scoring.ModelNames();

    [Theory, MemberData(nameof(ModelNames))]
    public void EveryMethodAgreesWithTheOracle(string name)
    {
        using var weights = Scoring.Models[name]();
        var data = RandomExamples.Create(11, weights.Config.Vocabulary);
        Scoring.Compare(weights, data, new() { Method = "eap" }, OracleMethod.Eap);
        Scoring.Compare(weights, data, new() { Method = "clean-corrupted" }, OracleMethod.CleanCorrupted);
        Scoring.Compare(weights, data, new() { Method = "eap-ig", Steps = 5 }, OracleMethod.EapIg);
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
            foreach (var steps in new[] { 1, 3, 37 }) Scoring.Compare(weights, data, new() { Steps = steps, Rule = rule }, OracleMethod.EapIg, oracleRule);
        }
    }

    [Theory]
    [InlineData(MetricKind.ProbabilityDifference, OracleMetric.ProbDiff)]
    [InlineData(MetricKind.LogProbability, OracleMetric.LogProb)]
    [InlineData(MetricKind.KullbackLeibler, OracleMetric.Kl)]
    [InlineData(MetricKind.JensenShannon, OracleMetric.Js)]
    public void EveryMetricAgreesWithTheOracle(MetricKind metric, OracleMetric oracleMetric)
    {
        foreach (var weights in new[] { RandomModels.Gpt2(31), RandomModels.Llama(32) })
        {
            var data = RandomExamples.Create(33, weights.Config.Vocabulary);
            foreach (var rule in new[] { IntegrationRule.Left, IntegrationRule.Right })
            {
                Scoring.Compare(weights, data, new() { Metric = metric, Steps = 4, Rule = rule }, OracleMethod.EapIg,
                    rule == IntegrationRule.Left ? OracleRule.Left : OracleRule.Right, oracleMetric);
            }
        }
    }

    // Attention scores of thousands: most queries see one key alone, whose probability has no gradient, and not one of rounding either.
    [Theory]
    [InlineData(1000)]
    [InlineData(30000)]
    public void SaturatedAttentionAgreesWithTheOracle(float scale)
    {
        foreach (var weights in new[] { RandomModels.Create(RandomModels.Gpt2Config() with { AttentionScale = scale }, 61), RandomModels.Create(RandomModels.LlamaConfig() with { AttentionScale = scale }, 62) })
        {
            var data = RandomExamples.Create(63, weights.Config.Vocabulary);
            Scoring.Compare(weights, data, new() { Method = "eap" }, OracleMethod.Eap);
        }
    }

    [Fact]
    public void OneRightStepIsEap()
    {
        var data = RandomExamples.Create(41, 53);
        Assert.Equal(Scoring.Scores(RandomModels.Gpt2(40), data, new() { Method = "eap" }), Scoring.Scores(RandomModels.Gpt2(40), data, new() { Steps = 1, Rule = IntegrationRule.Right }));
    }

    [Theory, MemberData(nameof(ModelNames))]
    public void ScoresOutOfTheInputAddUpToTheChangeOfTheLoss(string name)
    {
        using var weights = Scoring.Models[name]();
        using var device = new HostDevice();
        using var model = new Transformer(device, weights);
        var data = RandomExamples.Create(51, weights.Config.Vocabulary);
        // Without positions in the stream the path between two random embeddings passes close to zero, where RMSNorm bends it sharply; so do norms of the few columns of a head.
        // Where relu has its corner the gradient jumps, and any rule converges slowly.
        var hasCorner = weights.Config.Activation == ActivationFunction.Relu;
        var steps = weights.Config is { Norm: NormKind.LayerNorm, QueryKeyNorm: QueryKeyNorm.None, LearnsPositions: true, PositionsInAttention: false } && !hasCorner ? 32 : 256;
        var result = Attributor.Run(model, data, new() { Steps = steps, Rule = IntegrationRule.GaussLegendre });
        Assert.InRange(result.CompletenessGap!.Value, 0, hasCorner ? 1e-2 : 1e-3);
    }

    [Fact]
    public void ScoresHaveTheSameBitsForAnyThreadsMicroBatchAndOrder()
    {
        foreach (var weights in new[] { RandomModels.Gpt2(61), RandomModels.Llama(62), Scoring.Models["longrope, some prompts long"](), Scoring.CappedModel() })
        {
            var data = RandomExamples.Create(63, weights.Config.Vocabulary, count: 12);
            Scoring.CheckBits(weights, data, new() { Steps = 11 });
        }
    }

    [Fact]
    public void AnExampleThatDoesNotFitIsNamed()
    {
        using var weights = RandomModels.Gpt2(71);
        var data = RandomExamples.Create(72, weights.Config.Vocabulary);
        var thrown = Assert.Throws<InputException>(() => Scoring.Scores(weights, data, new() { MemoryBytes = 1000 }));
        Assert.Contains("example 1", thrown.Message, StringComparison.Ordinal);
        Assert.Contains("--memory", thrown.Message, StringComparison.Ordinal);
    }

    // Under a divergence the ablated run's metric is taken against the clean run, which may come after it.
    [Theory]
    [InlineData(MetricKind.KullbackLeibler)]
    [InlineData(MetricKind.JensenShannon)]
    [InlineData(MetricKind.ProbabilityDifference)]
    [InlineData(MetricKind.LogProbability)]
    public void BothEndsAreThoseOfCircuitEvaluation(MetricKind metric)
    {
        using var weights = RandomModels.Gpt2(81);
        var data = RandomExamples.Create(82, weights.Config.Vocabulary, count: 5);
        using var device = new HostDevice(2);
        using var model = new Transformer(device, weights);
        var expected = CircuitEvaluator.Evaluate(model, data, [Circuit.Empty(model.Graph)], metric)[0];
        Assert.Contains(expected.Corrupted, value => Math.Abs(value) > 1e-3);
        foreach (var method in AttributionMethods.All.Where(m => m.Path(new() { Steps = 3 }, model.Graph) is not null))
        {
            foreach (var rule in method.Rule(new()) is null ? [IntegrationRule.Left] : Enum.GetValues<IntegrationRule>())
            {
                var result = Attributor.Run(model, data, new() { Method = method.Name, Metric = metric, Rule = rule, Steps = 3 });
                var largest = expected.Corrupted.Max(Math.Abs);
                for (var e = 0; e < expected.Clean.Length; e++)
                {
                    Assert.True(Math.Abs(expected.Corrupted[e] - result.Corrupted[e]) < 1e-5 * largest, $"{method.Name} {rule}: {result.Corrupted[e]}, not {expected.Corrupted[e]}");
                    Assert.True(Math.Abs(expected.Clean[e] - result.Clean[e]) < 1e-5 * Math.Max(1, largest), $"{method.Name} {rule}");
                }
            }
        }
    }
}
