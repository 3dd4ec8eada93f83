using Faith.Engine.Attribution;
using Faith.Engine.Tests.Oracle;
using Xunit;

namespace Faith.Engine.Tests.Attribution;

/// <summary>Information flow routes against the oracle.</summary>
public class InformationFlowTests
{
    public static TheoryData<string> ModelNames() => Scoring.ModelNames();

    [Theory, MemberData(nameof(ModelNames))]
    public void AgreesWithTheOracle(string name)
    {
        using var weights = Scoring.Models[name]();
        var data = RandomExamples.Create(11, weights.Config.Vocabulary);
        Scoring.Compare(weights, data, new() { Method = "ifr" }, OracleMethod.InformationFlowRoutes);
    }

    [Fact]
    public void SharesOfAColumnAddUpToOne()
    {
        using var weights = RandomModels.Gpt2(21);
        var scores = Scoring.Run(weights, RandomExamples.Create(22, weights.Config.Vocabulary), new() { Method = "ifr" }).Scores;
        for (var v = 0; v < scores.Graph.Columns; v++)
        {
            Assert.InRange(Enumerable.Range(0, scores.Graph.Sources).Sum(u => scores[scores.Graph.Edge(new(u), new(v))]), 1 - 1e-6, 1 + 1e-6);
        }
    }

    [Fact]
    public void ScoresHaveTheSameBitsForAnyThreadsMicroBatchAndOrder()
    {
        using var weights = RandomModels.Llama(31);
        Scoring.CheckBits(weights, RandomExamples.Create(32, weights.Config.Vocabulary, count: 7), new() { Method = "ifr" });
    }

    [Fact]
    public void OtherLevelsAreRefused()
    {
        using var weights = RandomModels.Llama(41);
        var data = RandomExamples.Create(42, weights.Config.Vocabulary);
        Assert.Throws<InputException>(() => Scoring.Run(weights, data, new() { Method = "ifr", Level = ScoreLevel.Node }));
    }
}
