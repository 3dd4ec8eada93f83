using Faith.Engine.Ablations;
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

    [Theory]
    [InlineData("eap-ig", IntegrationRule.Left, new[] { 2, 2, 4, 8 })]
    [InlineData("eap-ig", IntegrationRule.Right, new[] { 2, 2, 4, 8 })]
    [InlineData("eap-ig", IntegrationRule.Trapezoid, new[] { 3, 2, 4, 8 })]
    [InlineData("eap-ig", IntegrationRule.Midpoint, new[] { 2, 4, 8, 16 })]
    [InlineData("eap-ig", IntegrationRule.GaussLegendre, new[] { 2, 4, 8, 16 })]
    [InlineData("eap-ig-activations", IntegrationRule.Left, new[] { 10, 10, 20, 40 })]
    public void PointsOfTheRoundBeforeAreNotRunAgain(string method, IntegrationRule rule, int[] gradients)
    {
        foreach (var ablation in new[] { Ablation.Patching, Ablation.Zero })
        {
            using var weights = RandomModels.Gpt2(7);
            var data = RandomExamples.Create(8, weights.Config.Vocabulary);
            using var device = new HostDevice(2);
            using var model = new Transformer(device, weights);
            var options = new AttributionOptions { Method = method, Rule = rule, Level = ScoreLevel.Neuron, Ablation = ablation };
            // A tolerance that no round meets.
            var run = ConvergentRun.Run(model, data, options, new() { Tolerance = -1, MostSteps = 16 });
            Assert.Equal([2, 4, 8, 16], run.Rounds.Select(r => r.Steps));
            Assert.Equal(gradients, run.Rounds.Select(r => r.Gradients));
            var whole = Attributor.Run(model, data, run.Options);
            Close.Check(whole.Scores.Values, run.Result.Scores.Values, 2e-6, "edges");
            Close.Check(whole.NodeScores!, run.Result.NodeScores!, 2e-6, "nodes");
            Close.Check(whole.NeuronScores!, run.Result.NeuronScores!, 2e-6, "neurons");
            Close.Check(whole.StandardErrors!, run.Result.StandardErrors!, 2e-6, "standard errors");
            Close.Check(whole.InputScores!, run.Result.InputScores!, 2e-6, "input scores");
            Assert.Equal(whole.Clean, run.Result.Clean);
            Assert.Equal(whole.Corrupted, run.Result.Corrupted);
            Assert.Equal(whole.CompletenessGap is null, run.Result.CompletenessGap is null);
            if (whole.CompletenessGap is { } gap) Assert.Equal(gap, run.Result.CompletenessGap!.Value, 1e-5);
        }
    }

    [Fact]
    public void TheBestNodesAndNeuronsMustStayToo()
    {
        using var weights = RandomModels.Gpt2(17);
        var data = RandomExamples.Create(14, weights.Config.Vocabulary);
        using var device = new HostDevice(2);
        using var model = new Transformer(device, weights);
        var options = new AttributionOptions { Rule = IntegrationRule.Midpoint, Level = ScoreLevel.Neuron };
        var run = ConvergentRun.Run(model, data, options, new() { Tolerance = -1, MostSteps = 4 });
        var results = new[] { 2, 4 }.Select(steps => Attributor.Run(model, data, options with { Steps = steps })).ToArray();
        double[] overlaps = [.. new Func<AttributionResult, double[]>[] { r => r.Scores.Values, r => r.NodeScores!, r => r.NeuronScores! }.Select(scores =>
        {
            var best = results.Select(r => Best(scores(r), scores(r) == r.Scores.Values ? model.Graph.Edges : scores(r).Length)).ToArray();
            return (double)best[0].Intersect(best[1]).Count() / best[0].Union(best[1]).Count();
        })];
        Assert.True(overlaps[2] < overlaps[0]); // so that it is not the edges' that is reported
        Assert.Equal(overlaps.Min(), run.Rounds[1].Jaccard!.Value, 1e-12);

        static int[] Best(double[] scores, int scored) =>
            [.. Enumerable.Range(0, scores.Length).OrderByDescending(i => Math.Abs(scores[i])).Take(Math.Max(10, scored / 20))];
    }

    [Fact]
    public void StepsThatAreNotTwiceAsManyAreRunAnew()
    {
        using var weights = RandomModels.Gpt2(9);
        var data = RandomExamples.Create(10, weights.Config.Vocabulary);
        using var device = new HostDevice(2);
        using var model = new Transformer(device, weights);
        var run = ConvergentRun.Run(model, data, new() { Rule = IntegrationRule.Left }, new() { Tolerance = -1, MostSteps = 7 });
        Assert.Equal([(2, 2), (4, 2), (7, 7)], run.Rounds.Select(r => (r.Steps, r.Gradients)));
        Assert.Equal(Attributor.Run(model, data, run.Options).Scores.Values, run.Result.Scores.Values);
    }

    [Fact]
    public void ReuseHasTheSameBitsForAnyThreadsAndMicroBatch()
    {
        using var weights = RandomModels.Llama(11);
        var data = RandomExamples.Create(12, weights.Config.Vocabulary, count: 7);
        double[] Scores(int threads, long? memory)
        {
            using var device = new HostDevice(threads);
            using var model = new Transformer(device, weights);
            return ConvergentRun.Run(model, data, new() { Rule = IntegrationRule.Trapezoid, MemoryBytes = memory }, new() { Tolerance = -1, MostSteps = 8 }).Result.Scores.Values;
        }
        Assert.Equal(Scores(1, null), Scores(3, 1_000_000));
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
