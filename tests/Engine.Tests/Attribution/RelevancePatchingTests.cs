using Faith.Engine.Ablations;
using Faith.Engine.Attribution;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Models;
using Faith.Engine.Tests.Oracle;
using Xunit;

namespace Faith.Engine.Tests.Attribution;

/// <summary>Relevance patching against the literal float64 oracle, and the conservation of relevance that its rules are made for.</summary>
public class RelevancePatchingTests
{
    private static readonly AttributionOptions Options = new() { Method = "relp" };

    public static TheoryData<string> ModelNames() => Scoring.ModelNames();

    [Theory, MemberData(nameof(ModelNames))]
    public void AgreesWithTheOracleAtEveryLevel(string name) =>
        Scoring.CompareAtEveryLevel(name, Options, OracleMethod.Eap);

    [Fact]
    public void AgreesWithTheOracleUnderAblations() =>
        Scoring.CompareUnderAblations(Options, OracleMethod.Eap, "gpt2", "gpt2, parallel blocks", "llama, tied, one key head, 3 layers", "norms of inputs and outputs");

    [Theory]
    [InlineData(MetricKind.ProbabilityDifference, OracleMetric.ProbDiff)]
    public void AgreesWithTheOracleUnderOtherMetrics(MetricKind metric, OracleMetric oracleMetric)
    {
        foreach (var weights in new[] { RandomModels.Gpt2(31), RandomModels.Llama(32) })
        {
            var data = RandomExamples.Create(33, weights.Config.Vocabulary);
            Scoring.Compare(weights, data, Options with { Metric = metric }, OracleMethod.Eap, metric: oracleMetric);
        }
    }

    [Fact]
    public void QueriesAndKeysScoreNothingAndValuesDo()
    {
        using var weights = RandomModels.Llama(5);
        var scores = Scoring.Run(weights, RandomExamples.Create(11, weights.Config.Vocabulary), Options).Scores;
        var graph = scores.Graph;
        foreach (var edge in Circuit.Full(graph).Edges)
        {
            var kind = graph.DestinationOf(new(edge % graph.Columns)).Kind;
            Assert.Equal(kind is InputKind.Query or InputKind.Key, scores.Values[edge] == 0);
        }
    }

    // Without biases and positions every step keeps R·x, so R·z of the input, and the sum of R·z over all that the logits read, is the metric:
    // where everything is ablated to zero, and with it the metric, both are the change of the loss, for every example by itself.
    [Theory]
    [InlineData("llama")]
    [InlineData("llama, tied, one key head, 3 layers")]
    [InlineData("llama 3 scaling")]
    [InlineData("gpt2 without biases and positions")]
    public void RelevanceIsConserved(string name)
    {
        using var weights = name.StartsWith("gpt2", StringComparison.Ordinal) ? WithoutBiases(RandomModels.Create(RandomModels.Gpt2Config(layers: 3), 3)) : Scoring.Models[name]();
        var data = RandomExamples.Create(51, weights.Config.Vocabulary);
        var result = Scoring.Run(weights, data, Options with { Ablation = Ablation.Zero });
        Close.Check(result.Clean, result.InputScores!, 1e-5, "out of the input");
        Assert.InRange(result.CompletenessGap!.Value, 0, 1e-4);
        var (values, graph) = (result.Scores.Values, result.Scores.Graph);
        var intoLogits = Enumerable.Range(0, graph.Sources).Sum(u => values[u * graph.Columns + graph.LogitsColumn]);
        Assert.Equal(result.Clean.Average(), intoLogits, 1e-5 * result.Clean.Max(Math.Abs));
        // The gradient of the same run keeps nothing of the kind.
        Assert.True(Scoring.Run(weights, data, new() { Method = "eap", Ablation = Ablation.Zero }).CompletenessGap > 0.01);
    }

    [Fact]
    public void ScoresHaveTheSameBitsForAnyThreadsMicroBatchAndOrder()
    {
        foreach (var weights in new[] { RandomModels.Gpt2(61), RandomModels.Llama(62) })
        {
            Scoring.CheckBits(weights, RandomExamples.Create(63, weights.Config.Vocabulary, count: 12), Options);
        }
    }

    private static ModelWeights WithoutBiases(ModelWeights weights) => new()
    {
        Config = weights.Config,
        Embedding = weights.Embedding,
        Layers = [.. weights.Layers.Select(layer => new LayerWeights
        {
            AttentionNormScale = layer.AttentionNormScale, QueryKeyValue = layer.QueryKeyValue, Output = layer.Output,
            MlpNormScale = layer.MlpNormScale, Up = layer.Up, Down = layer.Down,
        })],
        FinalNormScale = weights.FinalNormScale,
        Unembedding = weights.Unembedding,
    };
}
