using Faith.Engine.Attribution;
using Faith.Engine.Data;
using Faith.Engine.Models;
using Faith.Engine.Passes;
using Faith.Engine.Tests.Oracle;
using Faith.PtxInterpreter;
using Xunit;

namespace Faith.Engine.Tests.Attribution;

/// <summary>What whole runs ask of a GPU between their steps, counted by the simulated driver.</summary>
[Collection(SimulatedCuda.Name)]
public sealed class GpuStepsTests
{
    // Few, so that a run in the simulation has many steps.
    private const int RowsOfPass = 64;

    /// <summary>What a run called.</summary>
    private sealed record Calls(string[] Kernels, int Launches, int Waits, int Copies);

    [SimulatedFact]
    public void StepsFollowEachOtherWithoutWaitingAndCopying()
    {
        using var weights = RandomModels.Create(RandomModels.Gpt2Config(layers: 1, heads: 2), 3);
        // 36 rows: too many for two points of the path in one pass.
        var data = RandomExamples.DifferingAt(3, weights.Config.Vocabulary, count: 9, length: 4, 0);
        Calls Of(int steps) => Run(weights, data, new() { Steps = steps, Rule = IntegrationRule.Midpoint }).Calls;
        var (three, four, six) = (Of(3), Of(4), Of(6));
        var step = four.Launches - three.Launches;
        Assert.InRange(step, 20, 100);
        // Three more steps are as many more kernels, those of a step three times.
        Assert.Equal(three.Launches + 3 * step, six.Launches);
        Assert.Equal((three.Waits, three.Copies), (six.Waits, six.Copies));
        Assert.Equal((three.Waits, three.Copies), (four.Waits, four.Copies));
        Assert.Equal(six.Kernels.Length, six.Launches);
    }

    [SimulatedFact]
    public void ThePartsOfAStepAreTimedByTheDevice()
    {
        using var weights = RandomModels.Gpt2(1);
        var (result, _) = Run(weights, RandomExamples.Create(3, weights.Config.Vocabulary), new() { Steps = 10 });
        Assert.Equal(["backward", "forward", "metric", "prefix", "scores", "sum"], result.Phases.Keys.Order());
        Assert.All(result.Phases.Values, seconds => Assert.InRange(seconds, 1e-7, result.Seconds));
        Assert.InRange(result.Phases.Values.Sum(), 0.2 * result.Seconds, 1.001 * result.Seconds);
    }

    private static (AttributionResult Result, Calls Calls) Run(ModelWeights weights, IReadOnlyList<Example> data, AttributionOptions options)
    {
        using var device = SimulatedCuda.Open();
        device.Limits = device.Limits with { RowsOfPass = RowsOfPass };
        using var model = new Transformer(device, weights);
        SimulatedGpu.Reset();
        var result = Attributor.Run(model, data, options);
        Assert.Null(SimulatedGpu.Fault);
        return (result, new([.. SimulatedGpu.Launched], SimulatedGpu.KernelLaunches, SimulatedGpu.Waits, SimulatedGpu.Copies));
    }
}
