using Faith.Engine.Ablations;
using Faith.Engine.Attribution;
using Faith.Engine.Metrics;
using Faith.Engine.Tests.Oracle;
using Xunit;

namespace Faith.Engine.Tests.Attribution;

/// <summary>EAP-IG (activations) against the oracle.</summary>
public class StagedPathTests
{
    public static TheoryData<string> ModelNames() => Scoring.ModelNames();

    [Theory, MemberData(nameof(ModelNames))]
    public void AgreesWithTheOracle(string name)
    {
        using var weights = Scoring.Models[name]();
        var data = RandomExamples.Create(11, weights.Config.Vocabulary);
        Scoring.Compare(weights, data, new() { Method = "eap-ig-activations", Steps = 3 }, OracleMethod.EapIgActivations);
    }

    [Theory]
    [InlineData(MetricKind.KullbackLeibler, OracleMetric.Kl, Ablation.Patching, OracleAblation.Patching)]
    [InlineData(MetricKind.LogitDifference, OracleMetric.LogitDiff, Ablation.Zero, OracleAblation.Zero)]
    [InlineData(MetricKind.LogitDifference, OracleMetric.LogitDiff, Ablation.MeanPositional, OracleAblation.MeanPositional)]
    public void EveryMetricAndAblationAgreesWithTheOracle(MetricKind metric, OracleMetric oracleMetric, Ablation ablation, OracleAblation oracleAblation)
    {
        foreach (var weights in new[] { RandomModels.Gpt2(21), RandomModels.Llama(22) })
        {
            var data = RandomExamples.Create(23, weights.Config.Vocabulary);
            Scoring.Compare(weights, data, new() { Method = "eap-ig-activations", Steps = 4, Metric = metric, Ablation = ablation },
                OracleMethod.EapIgActivations, null, oracleMetric, oracleAblation);
        }
    }

    // One step is the clean run, with no gradient into what computed the outputs that are held: below logits nothing is held.
    [Fact]
    public void OneStepIsEapIntoLogits()
    {
        using var weights = RandomModels.Gpt2(41);
        var data = RandomExamples.Create(42, weights.Config.Vocabulary);
        double[] IntoLogits(AttributionOptions options)
        {
            var scores = Scoring.Run(weights, data, options).Scores;
            return [.. scores.Graph.InEdges(scores.Graph.LogitsColumn).Select(edge => scores[edge])];
        }
        Close.Check(IntoLogits(new() { Method = "eap" }), IntoLogits(new() { Method = "eap-ig-activations", Steps = 1 }), 1e-6, "into logits");
    }

    [Fact]
    public void ScoresHaveTheSameBitsForAnyThreadsMicroBatchAndOrder()
    {
        using var weights = RandomModels.Llama(31);
        Scoring.CheckBits(weights, RandomExamples.Create(32, weights.Config.Vocabulary, count: 7), new() { Method = "eap-ig-activations", Steps = 3 });
    }
}
