using Faith.Engine.Attribution;
using Faith.Engine.Graphs;
using Faith.Engine.KnownCircuits;
using Faith.Engine.Metrics;
using Faith.Engine.Tests.Oracle;
using Xunit;

namespace Faith.Engine.Tests.Attribution;

/// <summary>EAP with the attention recomputed against the literal float64 oracle, and what it must share with EAP and with exact patching.</summary>
public class QkFixTests
{
    private static readonly AttributionOptions Options = new() { Method = "eap-qkfix" };

    public static TheoryData<string> ModelNames() => Scoring.ModelNames();

    [Theory, MemberData(nameof(ModelNames))]
    public void AgreesWithTheOracle(string name)
    {
        using var weights = Scoring.Models[name]();
        var data = RandomExamples.Create(11, weights.Config.Vocabulary);
        var result = Scoring.Run(weights, data, Options with { Level = ScoreLevel.Node });
        Close.Check(OracleRun.Scores(weights, data, OracleMethod.QkFix), result.Scores.Values, 1e-5, name);
        Assert.Null(result.CompletenessGap);
        Close.Check(OracleRun.NodeScores(weights, data, OracleMethod.QkFix), result.NodeScores!, 2e-5, $"nodes, {name}");
    }

    [Fact]
    public void AgreesWithTheOracleUnderAblations() =>
        Scoring.CompareUnderAblations(Options, OracleMethod.QkFix, "gpt2, parallel blocks", "llama, tied, one key head, 3 layers", "norms of inputs and outputs");

    [Fact]
    public void AgreesWithTheOracleUnderAnotherMetric()
    {
        using var weights = Scoring.Models["qwen2"]();
        var data = RandomExamples.Create(33, weights.Config.Vocabulary);
        Scoring.Compare(weights, data, Options with { Metric = MetricKind.ProbabilityDifference }, OracleMethod.QkFix, metric: OracleMetric.ProbDiff);
    }

    [Fact]
    public void OtherEdgesScoreAsUnderEap()
    {
        using var weights = Scoring.Models["llama"]();
        var data = RandomExamples.Create(11, weights.Config.Vocabulary);
        var (fixedScores, eap) = (Scoring.Run(weights, data, Options).Scores, Scoring.Scores(weights, data, new() { Method = "eap" }));
        var graph = fixedScores.Graph;
        foreach (var edge in Circuit.Full(graph).Edges)
        {
            var isRecomputed = graph.DestinationOf(new(edge % graph.Columns)).Kind is InputKind.Query or InputKind.Key;
            Assert.Equal(isRecomputed, fixedScores.Values[edge] != eap[edge]);
        }
    }

    // Saturated attention: its gradient is all but gone, and yet each of these edges alone breaks the behaviour. What the fix leaves out is the bend of the final norm.
    [Theory]
    [InlineData("a0.h0->a1.h0<k>")]
    [InlineData("input->a1.h0<q>")]
    public void SaturatedAttentionIsSeen(string name)
    {
        var (weights, data, graph) = (InductionModel.Create().Weights, InductionModel.Examples(10, 0), InductionModel.Graph);
        var edge = Circuit.Full(graph).Edges.Single(e => graph.EdgeName(e) == name);
        double Score(string method) => Scoring.Scores(weights, data, new() { Method = method })[edge];
        var exact = Score("exact");
        Assert.InRange(Score("eap-qkfix") / exact, 0.4, 1);
        Assert.InRange(Math.Abs(Score("eap") / exact), 0, 0.05);
    }

    [Fact]
    public void AnEdgeWithoutEffectScoresNothing()
    {
        var (weights, data, graph) = (InductionModel.Create().Weights, InductionModel.Examples(10, 0), InductionModel.Graph);
        var scores = Scoring.Scores(weights, data, Options);
        // The MLP of the first layer writes nothing.
        foreach (var kind in (InputKind[])[InputKind.Query, InputKind.Key]) Assert.Equal(0, scores[graph.MlpNode(0) * graph.Columns + graph.HeadColumn(1, kind, 0)]);
    }

    [Fact]
    public void ScoresHaveTheSameBitsForAnyThreadsMicroBatchAndOrder()
    {
        foreach (var weights in new[] { RandomModels.Gpt2(61), RandomModels.Llama(62) })
        {
            Scoring.CheckBits(weights, RandomExamples.Create(63, weights.Config.Vocabulary, count: 7), Options);
        }
    }

    [Fact]
    public void NeuronsAreRefused()
    {
        using var weights = RandomModels.Gpt2(1);
        var thrown = Assert.Throws<InputException>(() => Scoring.Run(weights, RandomExamples.Create(1, weights.Config.Vocabulary), Options with { Level = ScoreLevel.Neuron }));
        Assert.Contains("--level edge or node", thrown.Message, StringComparison.Ordinal);
    }
}
