using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Models;
using Faith.Engine.Passes;
using Faith.Engine.Tests.Oracle;
using Faith.PtxInterpreter;
using Xunit;

namespace Faith.Engine.Tests.Attribution;

/// <summary>Whole runs whose steps are replayed as CUDA graphs, on the simulated driver.</summary>
[Collection(SimulatedCuda.Name)]
public sealed class GpuReplayTests
{
    // Few, so that a run in the simulation has many steps.
    private const int RowsOfPass = 256;

    /// <summary>What a run called.</summary>
    private sealed record Calls(string[] Kernels, int Launches, int Graphs, int Built, int Updates, int Waits, int Copies);

    [Theory]
    [InlineData("gpt2", "eap-ig", MetricKind.LogitDifference, ScoreLevel.Edge, 0)]
    [InlineData("llama", "eap-ig", MetricKind.KullbackLeibler, ScoreLevel.Edge, 0)]
    [InlineData("gpt2, parallel blocks", "clean-corrupted", MetricKind.ProbabilityDifference, ScoreLevel.Neuron, 0)]
    [InlineData("llama", "eap-ig-activations", MetricKind.LogitDifference, ScoreLevel.Edge, 0)]
    [InlineData("llama", "relp", MetricKind.ProbabilityDifference, ScoreLevel.Neuron, 0)]
    [InlineData("llama", "eap-graddrop", MetricKind.LogitDifference, ScoreLevel.Neuron, 0)]
    // Micro-batches of one and two examples, so that sequences come again with other sizes.
    [InlineData("qwen2", "eap-ig", MetricKind.LogitDifference, ScoreLevel.Edge, 150_000)]
    [InlineData("gpt2", "exact", MetricKind.KullbackLeibler, ScoreLevel.Edge, 0)]
    [InlineData("llama", "exact", MetricKind.LogitDifference, ScoreLevel.Edge, 0)]
    [InlineData("gpt2, parallel blocks", "exact", MetricKind.LogitDifference, ScoreLevel.Edge, 150_000)]
    public void ReplayedStepsHaveTheBitsOfSingleLaunches(string model, string method, MetricKind metric, ScoreLevel level, long memory)
    {
        using var weights = Scoring.Models[model]();
        var data = RandomExamples.Create(3, weights.Config.Vocabulary);
        var options = new AttributionOptions { Method = method, Metric = metric, Level = level, Steps = 3, MemoryBytes = memory == 0 ? null : memory };
        var (expected, launched) = Run(weights, data, options, replay: false);
        var (actual, replayed) = Run(weights, data, options, replay: true);
        Assert.Equal(expected.Scores.Values, actual.Scores.Values);
        Assert.Equal(expected.NeuronScores, actual.NeuronScores);
        Assert.Equal(expected.Clean, actual.Clean);
        Assert.Equal(expected.Corrupted, actual.Corrupted);
        Assert.Equal(launched.Kernels, replayed.Kernels);
        Assert.Equal((launched.Waits, launched.Copies), (replayed.Waits, replayed.Copies));
        Assert.Equal(0, launched.Graphs);
        if (method == "exact") Assert.InRange(replayed.Graphs, 3, 1000);
        else if (memory > 0) Assert.InRange(replayed.Graphs, 3, 30);
    }

    [Fact]
    public void AStepCostsOneLaunch()
    {
        using var weights = OneLayer();
        var data = OnePointAPass(weights);
        Calls Of(int steps, bool replay) =>
            Run(weights, data, new() { Steps = steps, Rule = IntegrationRule.Midpoint }, replay).Calls;
        var (three, six, single) = (Of(3, replay: true), Of(6, replay: true), Of(6, replay: false));
        // Both ends are alike, and so are the steps; of either the first is launched, and the second builds the graph.
        Assert.Equal((2, 2), (three.Built, six.Built));
        Assert.Equal((1 + 2, 1 + 5), (three.Graphs, six.Graphs));
        var step = (single.Launches - three.Kernels.Length) / 3;
        Assert.InRange(step, 20, 100);
        // Three more steps are three more graphs and no more launches; nothing waits or copies between them.
        Assert.Equal(three.Launches, six.Launches);
        Assert.Equal((three.Waits, three.Copies), (six.Waits, six.Copies));
        Assert.Equal(single.Kernels.Length, single.Launches);
        // What differs from step to step: the interpolation, where the metric goes, and slots.
        Assert.InRange(six.Updates, 4 * 3, 4 * step / 2);
    }

    [Fact]
    public void TrialsOfALayerAreReplayedSourceAfterSource()
    {
        using var weights = RandomModels.Create(RandomModels.Gpt2Config(layers: 2, heads: 6, headDim: 4), 3);
        var data = RandomExamples.Create(3, weights.Config.Vocabulary, count: 1);
        var options = new AttributionOptions { Method = "exact" };
        var (single, replayed) = (Run(weights, data, options, replay: false).Calls, Run(weights, data, options, replay: true).Calls);
        Assert.Equal(single.Kernels, replayed.Kernels);
        Assert.Equal(single.Kernels.Length, single.Launches);
        // Of the eight sources that layer 1 reads, the trials of all but one, the projections of six heads but one, and of the MLP after the input.
        Assert.Equal((3, 7 + 5 + 1), (replayed.Built, replayed.Graphs));
        Assert.InRange(replayed.Launches, 1, single.Launches / 2);
    }

    [Fact]
    public void TheEndsOfCircuitsAreReplayedFromTheSecondMicroBatchOn()
    {
        using var weights = RandomModels.Llama(5);
        // Prefixes and suffixes of the same lengths.
        var data = RandomExamples.DifferingAt(3, weights.Config.Vocabulary, count: 4, length: 6, 2);
        (double[] Values, Calls Calls) Evaluate(bool replay)
        {
            using var device = SimulatedCuda.Open(replay);
            device.Limits = device.Limits with { RowsOfBatch = 1 };
            using var model = new Transformer(device, weights);
            SimulatedGpu.Reset();
            var half = new Circuit(model.Graph, Circuit.Full(model.Graph).Edges.Where((_, i) => i % 2 == 0));
            var result = CircuitEvaluator.Evaluate(model, data, [half], MetricKind.LogitDifference)[0];
            return ([.. result.Clean, .. result.Corrupted, .. result.Circuit], NewCalls());
        }
        var (single, replayed) = (Evaluate(replay: false), Evaluate(replay: true));
        Assert.Equal(single.Values, replayed.Values);
        Assert.Equal(single.Calls.Kernels, replayed.Calls.Kernels);
        // The prefix and both ends of three of four micro-batches.
        Assert.Equal((3, 9), (replayed.Calls.Built, replayed.Calls.Graphs));
        Assert.Null(SimulatedGpu.Fault);
    }

    [Fact]
    public void AStepThatIsNotUpdatedShows()
    {
        using var weights = OneLayer();
        var data = OnePointAPass(weights);
        // The end alone, a step that is the other end, one step launched, one built, one updated.
        var options = new AttributionOptions { Steps = 4 };
        var right = Run(weights, data, options, replay: true).Result.Scores.Values;
        using var device = SimulatedCuda.Open();
        device.Limits = device.Limits with { RowsOfPass = RowsOfPass };
        using var model = new Transformer(device, weights);
        SimulatedGpu.IgnoreNodeUpdates = true;
        var wrong = Attributor.Run(model, data, options).Scores.Values;
        SimulatedGpu.IgnoreNodeUpdates = false;
        Assert.NotEqual(right, wrong);
    }

    [Fact]
    public void PartsOfAStepAreTimedWhereAskedFor()
    {
        using var weights = RandomModels.Gpt2(1);
        var data = RandomExamples.Create(3, weights.Config.Vocabulary);
        var options = new AttributionOptions { Steps = 40 };
        var (whole, _) = Run(weights, data, options, replay: true);
        var (split, calls) = Run(weights, data, options with { SplitPhases = true }, replay: true);
        Assert.Equal(["prefix", "scores", "steps", "sum"], whole.Phases.Keys.Order());
        Assert.Equal(["backward", "forward", "metric", "prefix", "scores", "sum"], split.Phases.Keys.Order());
        Assert.Equal(0, calls.Graphs);
        Assert.Equal(whole.Scores.Values, split.Scores.Values);
        foreach (var result in (AttributionResult[])[whole, split])
        {
            Assert.All(result.Phases.Values, seconds => Assert.InRange(seconds, 1e-7, result.Seconds));
            Assert.InRange(result.Phases.Values.Sum(), 0.2 * result.Seconds, 1.001 * result.Seconds);
        }
    }

    private static ModelWeights OneLayer() => RandomModels.Create(RandomModels.Gpt2Config(layers: 1, heads: 2), 3);

    /// <summary>132 rows: too many for two points of the path in one pass.</summary>
    private static Example[] OnePointAPass(ModelWeights weights) => RandomExamples.DifferingAt(3, weights.Config.Vocabulary, count: 33, length: 4, 0);

    private static (AttributionResult Result, Calls Calls) Run(ModelWeights weights, IReadOnlyList<Example> data, AttributionOptions options, bool replay)
    {
        using var device = SimulatedCuda.Open(replay);
        device.Limits = device.Limits with { RowsOfPass = RowsOfPass };
        using var model = new Transformer(device, weights);
        SimulatedGpu.Reset();
        var result = Attributor.Run(model, data, options);
        Assert.Null(SimulatedGpu.Fault);
        return (result, NewCalls());
    }

    private static Calls NewCalls() => new([.. SimulatedGpu.Launched], SimulatedGpu.KernelLaunches, SimulatedGpu.GraphLaunches, SimulatedGpu.GraphsBuilt, SimulatedGpu.NodeUpdates,
        SimulatedGpu.Waits, SimulatedGpu.Copies);
}
