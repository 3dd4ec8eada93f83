using Faith.Engine.Ablations;
using Faith.Engine.Attribution;
using Faith.Engine.Tests.Oracle;
using Xunit;

namespace Faith.Engine.Tests.Attribution;

/// <summary>Node and neuron scores against the oracle.</summary>
public class LevelTests
{
    // A node's score is the sum of its edges' scores, which may cancel.
    private const double NodeTolerance = 3e-5;

    public static TheoryData<string> ModelNames() => Scoring.ModelNames();

    [Theory, MemberData(nameof(ModelNames))]
    public void NodesAndNeuronsAgreeWithTheOracle(string name)
    {
        using var weights = Scoring.Models[name]();
        var data = RandomExamples.Create(11, weights.Config.Vocabulary);
        foreach (var (method, oracleMethod) in new[]
        {
            ("eap", OracleMethod.Eap), ("eap-ig", OracleMethod.EapIg), ("clean-corrupted", OracleMethod.CleanCorrupted), ("eap-ig-activations", OracleMethod.EapIgActivations),
        })
        {
            var options = new AttributionOptions { Method = method, Steps = 3, Level = ScoreLevel.Neuron };
            var result = Scoring.Run(weights, data, options);
            Close.Check(OracleRun.NodeScores(weights, data, oracleMethod, 3), result.NodeScores!, NodeTolerance, $"nodes, {method}");
            Close.Check(OracleRun.NeuronScores(weights, data, oracleMethod, 3), result.NeuronScores!, 1e-5, $"neurons, {method}");
            Assert.Equal(result.Scores.Values, Scoring.Scores(weights, data, options with { Level = ScoreLevel.Edge }));
        }
    }

    [Theory]
    [InlineData(Ablation.Zero, OracleAblation.Zero)]
    [InlineData(Ablation.Mean, OracleAblation.Mean)]
    public void UnderAblationsToo(Ablation ablation, OracleAblation oracleAblation)
    {
        using var weights = RandomModels.Llama(21);
        var data = RandomExamples.Create(22, weights.Config.Vocabulary);
        var result = Scoring.Run(weights, data, new() { Level = ScoreLevel.Neuron, Ablation = ablation });
        Close.Check(OracleRun.NodeScores(weights, data, OracleMethod.EapIg, ablation: oracleAblation), result.NodeScores!, NodeTolerance, "nodes");
        Close.Check(OracleRun.NeuronScores(weights, data, OracleMethod.EapIg, ablation: oracleAblation), result.NeuronScores!, 1e-5, "neurons");
    }

    [Fact]
    public void NeuronsHaveTheSameBitsForAnyThreadsAndOrder()
    {
        using var weights = RandomModels.Gpt2(31);
        var data = RandomExamples.Create(32, weights.Config.Vocabulary, count: 7);
        var options = new AttributionOptions { Level = ScoreLevel.Neuron };
        var expected = Scoring.Run(weights, data, options, threads: 1).NeuronScores;
        Assert.Equal(expected, Scoring.Run(weights, data, options, threads: 3).NeuronScores);
        Assert.Equal(expected, Scoring.Run(weights, [.. data.Reverse()], options).NeuronScores);
    }

    [Fact]
    public void NodesWithoutNeuronsAreTheSame()
    {
        using var weights = RandomModels.Gpt2(41);
        var data = RandomExamples.Create(42, weights.Config.Vocabulary);
        var nodes = Scoring.Run(weights, data, new() { Level = ScoreLevel.Node });
        Assert.Null(nodes.NeuronScores);
        Assert.Equal(Scoring.Run(weights, data, new() { Level = ScoreLevel.Neuron }).NodeScores, nodes.NodeScores);
    }
}
