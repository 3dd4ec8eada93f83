using Faith.Engine.Attribution;
using Faith.Engine.KnownCircuits;
using Faith.Engine.Passes;
using Faith.Engine.Tests.Oracle;
using Faith.Kernels.Host;
using Xunit;

namespace Faith.Engine.Tests.Attribution;

/// <summary>Steps that are doubled until they are enough.</summary>
public sealed class ConvergentRunTests
{
    [Theory]
    [InlineData(IntegrationRule.GaussLegendre)]
    [InlineData(IntegrationRule.Midpoint)]
    public void StopsOnceScoresAreCompleteAndTheBestEdgesStay(IntegrationRule rule)
    {
        using var weights = RandomModels.Gpt2(3);
        var data = RandomExamples.Create(4, weights.Config.Vocabulary);
        using var device = new HostDevice(2);
        using var model = new Transformer(device, weights);
        var run = ConvergentRun.Run(model, data, new() { Rule = rule }, new() { Tolerance = 0.02, MostSteps = 256 });
        Assert.True(run.Converged);
        Assert.Equal(Enumerable.Range(1, run.Rounds.Count).Select(i => 1 << i), run.Rounds.Select(r => r.Steps));
        Assert.Equal(run.Rounds[^1].Steps, run.Options.Steps);
        Assert.InRange(run.Result.CompletenessGap!.Value, 0, 0.02);
        Assert.True(run.Rounds[^1].Jaccard >= 0.98);
        Assert.Null(run.Rounds[0].Jaccard);
        Assert.All(run.Rounds.SkipLast(1), r => Assert.True(r.CompletenessGap > 0.02 || !(r.Jaccard >= 0.98)));
        // It is the run that these steps give.
        Assert.Equal(Attributor.Run(model, data, run.Options).Scores.Values, run.Result.Scores.Values);
    }

    [Fact]
    public void SaysWhenTheMostStepsAreNotEnough()
    {
        using var device = new HostDevice(2);
        using var model = new Transformer(device, InductionModel.Create().Weights);
        var run = ConvergentRun.Run(model, InductionModel.Examples(4, 0), new(), new() { Tolerance = 1e-6, MostSteps = 6 });
        Assert.False(run.Converged);
        Assert.Equal([2, 4, 6], run.Rounds.Select(r => r.Steps));
        Assert.Throws<InputException>(() => ConvergentRun.Run(model, InductionModel.Examples(4, 0), new() { Method = "eap" }, new()));
    }

    [Fact]
    public void TheGapOfAnExampleIsThatOfItsOwnRun()
    {
        using var weights = RandomModels.Gpt2(5);
        var data = RandomExamples.Create(6, weights.Config.Vocabulary);
        using var device = new HostDevice(2);
        using var model = new Transformer(device, weights);
        var together = Attributor.Run(model, data);
        for (var e = 0; e < data.Length; e++) Assert.Equal(Attributor.Run(model, [data[e]]).CompletenessGap!.Value, together.ExampleGaps![e]);
        Assert.Null(Attributor.Run(model, data, new() { Method = "eap-ig-activations", Steps = 1 }).ExampleGaps);
    }
}
