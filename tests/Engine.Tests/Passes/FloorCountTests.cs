using Faith.Engine.Attribution;
using Faith.Engine.Passes;
using Faith.Engine.Planning;
using Faith.Engine.Tests.Oracle;
using Faith.Kernels;
using Xunit;

namespace Faith.Engine.Tests.Passes;

/// <summary>Work is counted, not timed: the operations that a run issues stay close to those it cannot do without.</summary>
public class FloorCountTests
{
    [Theory]
    [InlineData("eap-ig", 1, 1.35)]
    [InlineData("eap-ig", 5, 1.25)]
    [InlineData("eap-ig", 30, 1.25)]
    [InlineData("relp", 1, 1)] // nothing is computed for queries and keys
    public void ARunIssuesLittleMoreThanTheFloor(string method, int steps, double allowed)
    {
        using var weights = RandomModels.Create(RandomModels.Gpt2Config(layers: 4, heads: 4, headDim: 16, mlpWidth: 256, context: 32), 1);
        using var device = Devices.Open("cpu");
        using var model = new Transformer(device, weights);
        var data = RandomExamples.DifferingAt(2, 53, 4, 24, 8, 12);
        var before = device.MatrixFlops;
        var options = new AttributionOptions { Method = method, Steps = steps };
        Attributor.Run(model, data, options);
        var floor = FloorCount.Of(model.Config, data, options)!.Value;
        if (method == "eap-ig") Assert.Equal(FloorCount.PathRun(model.Config, data, steps + 1, steps), floor);
        else Assert.InRange(floor, 0, 0.95 * FloorCount.PathRun(model.Config, data, 2, 1));
        var ratio = (device.MatrixFlops - before) / floor;
        Assert.InRange(ratio, 0.7, allowed); // attention is in the floor and not in the count
    }

    [Theory]
    [InlineData(0, 9)]
    [InlineData(3, 9)]
    [InlineData(6, 9)]
    [InlineData(0, 3)]
    public void AttentionIsThatOfThePairsInTheWindow(int start, int end)
    {
        var config = RandomModels.Gpt2Config() with { Windows = [null, 4] };
        for (var l = 0; l < 2; l++)
        {
            var pairs = Enumerable.Range(start, end - start).Sum(i => Enumerable.Range(0, i + 1).Count(j => i - j < (config.Window(l) ?? end)));
            Assert.Equal(4.0 * config.QueryWidth * pairs, FloorCount.Attention(config, l, start, end));
        }
    }

    [Fact]
    public void EveryStepCostsTheSame()
    {
        using var weights = RandomModels.Gpt2(3);
        using var device = Devices.Open("cpu");
        using var model = new Transformer(device, weights);
        var data = RandomExamples.DifferingAt(4, 53, 4, 16, 8);
        var costs = new[] { 2, 4, 6, 8 }.Select(Cost).ToArray();
        Assert.Equal(costs[1] - costs[0], costs[2] - costs[1]);
        Assert.Equal(costs[2] - costs[1], costs[3] - costs[2]);

        long Cost(int steps)
        {
            var before = device.MatrixFlops;
            Attributor.Run(model, data, new() { Steps = steps });
            return device.MatrixFlops - before;
        }
    }

    [Fact]
    public void APrefixIsRunOnceHoweverManyStepsAndExamplesShareIt()
    {
        using var weights = RandomModels.Gpt2(5);
        using var device = Devices.Open("cpu");
        using var model = new Transformer(device, weights);
        var one = RandomExamples.DifferingAt(6, 53, 1, 16, 12)[0];
        var same = Enumerable.Range(0, 4).Select(_ => one).ToArray();
        var shared = Cost(same) - 3 * (Cost([one, one]) - Cost([one]));
        Assert.Equal(Cost([one]), shared);

        long Cost(Faith.Engine.Data.Example[] data)
        {
            var before = device.MatrixFlops;
            Attributor.Run(model, data, new() { Steps = 4 });
            return device.MatrixFlops - before;
        }
    }

    [Fact]
    public void AStepAllocatesNothing()
    {
        using var weights = RandomModels.Gpt2(7);
        using var device = Devices.Open("cpu", 1);
        using var model = new Transformer(device, weights);
        var data = RandomExamples.DifferingAt(8, 53, 4, 16, 4);
        Attributor.Run(model, data, new() { Steps = 64, Rule = IntegrationRule.Midpoint });
        var extra = Allocated(64) - Allocated(32);
        Assert.InRange(extra, 0, 64 * 1024); // the layout of the points themselves: a few hundred bytes a step, ahead of the run

        long Allocated(int steps)
        {
            Attributor.Run(model, data, new() { Steps = steps, Rule = IntegrationRule.Midpoint });
            var before = GC.GetAllocatedBytesForCurrentThread();
            Attributor.Run(model, data, new() { Steps = steps, Rule = IntegrationRule.Midpoint });
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }
}
