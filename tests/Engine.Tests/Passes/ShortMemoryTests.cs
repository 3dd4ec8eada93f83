using Faith.Engine.Ablations;
using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Models;
using Faith.Engine.Passes;
using Faith.Engine.Tests.Oracle;
using Faith.Kernels;
using Faith.Kernels.Host;
using Faith.PtxInterpreter;
using Xunit;

namespace Faith.Engine.Tests.Passes;

/// <summary>Runs on a device that turns out to have less memory than was planned for.</summary>
[Collection(SimulatedCuda.Name)]
public sealed class ShortMemoryTests
{
    private const long Plenty = 1L << 29;

    /// <summary>Runs, and how much memory there is for them: a share of what their largest workspace takes with plenty of it.</summary>
    public static TheoryData<string, MetricKind, Ablation, ScoreLevel, double> Runs => new()
    {
        { "eap-ig", MetricKind.LogitDifference, Ablation.Patching, ScoreLevel.Edge, 0.7 },
        // Here the workspace fits, but not what the kernels take besides.
        { "eap-ig", MetricKind.KullbackLeibler, Ablation.Patching, ScoreLevel.Edge, 1.0 },
        { "clean-corrupted", MetricKind.LogitDifference, Ablation.MeanPositional, ScoreLevel.Neuron, 0.6 },
        { "eap-graddrop", MetricKind.LogitDifference, Ablation.Patching, ScoreLevel.Neuron, 0.6 },
        { "eap-qkfix", MetricKind.LogitDifference, Ablation.Patching, ScoreLevel.Node, 0.6 },
        { "exact", MetricKind.LogitDifference, Ablation.Patching, ScoreLevel.Edge, 0.3 },
        { "exact", MetricKind.LogitDifference, Ablation.Patching, ScoreLevel.Node, 0.7 },
        { "ifr", MetricKind.LogitDifference, Ablation.Patching, ScoreLevel.Edge, 0.6 },
    };

    [SimulatedTheory, MemberData(nameof(Runs))]
    public void ARunGoesOnInSmallerMicroBatchesWithTheSameBits(string method, MetricKind metric, Ablation ablation, ScoreLevel level, double share)
    {
        using var weights = RandomModels.Gpt2(1);
        var data = RandomExamples.Create(3, weights.Config.Vocabulary);
        var options = new AttributionOptions
        {
            Method = method, Steps = 2, Metric = metric, Ablation = ablation, Level = level, MemoryBytes = Plenty, OnlyEdges = level == ScoreLevel.Edge ? [new(0), new(5), new(40), new(47), new(95)] : null,
        };
        var (expected, plenty, none) = Run(weights, null, model => Attributor.Run(model, data, options));
        Assert.Empty(none);
        var (actual, _, notices) = Run(weights, (long)(plenty * share), model => Attributor.Run(model, data, options));
        Assert.Equal(expected.Scores.Values, actual.Scores.Values);
        Assert.Equal(expected.StandardErrors, actual.StandardErrors);
        Assert.Equal(expected.NodeScores, actual.NodeScores);
        Assert.Equal(expected.NeuronScores, actual.NeuronScores);
        Assert.Equal(expected.Clean, actual.Clean);
        Assert.Equal(expected.Corrupted, actual.Corrupted);
        Assert.Contains("too little memory left for these micro-batches; going on with smaller ones", Assert.Single(notices), StringComparison.Ordinal);
    }

    [SimulatedFact]
    public void CircuitsAndAccuracyToo()
    {
        using var weights = RandomModels.Llama(5);
        var data = RandomExamples.Create(12, weights.Config.Vocabulary);
        IReadOnlyList<double> HalfACircuit(Transformer model)
        {
            var half = new Circuit(model.Graph, Circuit.Full(model.Graph).Edges.Where((_, i) => i % 2 == 0));
            var result = CircuitEvaluator.Evaluate(model, data, [half], MetricKind.LogitDifference, Plenty)[0];
            return [.. result.Clean, .. result.Corrupted, .. result.Circuit];
        }
        IReadOnlyList<double> Shares(Transformer model)
        {
            var accuracy = Accuracy.Measure(model, data, Plenty);
            return [.. accuracy.Clean.Concat(accuracy.Corrupted).Select(p => p.AnswerShare)];
        }
        foreach (var work in (Func<Transformer, IReadOnlyList<double>>[])[HalfACircuit, Shares])
        {
            var (expected, plenty, _) = Run(weights, null, work);
            var (actual, _, notices) = Run(weights, plenty * 2 / 3, work);
            Assert.Equal(expected, actual);
            Assert.Single(notices);
        }
    }

    [SimulatedFact]
    public void LaterRunsStartWithWhatFitted()
    {
        using var weights = RandomModels.Gpt2(1);
        var data = RandomExamples.Create(3, weights.Config.Vocabulary);
        var options = new AttributionOptions { Method = "eap", MemoryBytes = Plenty };
        var (_, plenty, _) = Run(weights, null, model => Attributor.Run(model, data, options));
        var (sizes, _, notices) = Run(weights, plenty * 2 / 3, model => (long[])[.. Enumerable.Range(0, 3).Select(_ => Attributor.Run(model, data, options).WorkspaceBytes)]);
        Assert.InRange(sizes[0], 1, plenty * 2 / 3);
        Assert.Equal([sizes[0], sizes[0], sizes[0]], sizes);
        Assert.Single(notices);
    }

    [SimulatedFact]
    public void AnExampleThatDoesNotFitByItselfIsNamed()
    {
        using var weights = RandomModels.Gpt2(1);
        var data = RandomExamples.Create(3, weights.Config.Vocabulary);
        foreach (var method in (string[])["eap-ig", "exact", "ifr", "acdc"])
        {
            var notices = new List<string>();
            var error = Assert.Throws<InputException>(() => Run(weights, 20_000, model => Attributor.Run(model, data, new() { Method = method, MemoryBytes = Plenty }), notices));
            Assert.Empty(notices); // nothing has gone on
            Assert.Matches(method == "acdc" ? @"^6 examples need [\d.]+ MiB at once: the GPU has too little memory.*take fewer examples"
                : @"^example [12] \([79] tokens\) needs [\d.]+ MiB by itself: the GPU has too little memory for .*; shorten it or take a device with more memory$", error.Message);
            Assert.Null(SimulatedGpu.Fault);
        }
    }

    [SimulatedFact]
    public void AnExampleOfOneOfSeveralPartsHasItsNumberInTheDataSet()
    {
        using var weights = RandomModels.Gpt2(1);
        var part = new ExamplePart(RandomExamples.Create(3, weights.Config.Vocabulary), first: 4, count: 1);
        var method = AttributionMethods.Find("eap");
        var error = Assert.Throws<InputException>(() => Run(weights, 20_000, model => method.Run(model, part, new() { MemoryBytes = Plenty }, null, CancellationToken.None)));
        Assert.StartsWith("example 5 (", error.Message, StringComparison.Ordinal);
    }

    [SimulatedTheory]
    [InlineData("eap", 0)]
    [InlineData("eap-graddrop", sizeof(double))]
    [InlineData("eap-qkfix", sizeof(float))]
    public void WhatIsGatheredOnTheHostCountsWhereTheMemoryIsTheSame(string name, int ofScore)
    {
        using var weights = RandomModels.Gpt2(1);
        var data = RandomExamples.Create(3, weights.Config.Vocabulary);
        using var cpu = new HostDevice(1);
        using var gpu = SimulatedCuda.Open();
        var batch = new Batch(weights.Config, [.. data.Take(2)], sharePrefixes: true);
        var graph = new ModelGraph(weights.Config.Layers, weights.Config.Heads, weights.Config.ParallelBlocks);
        Assert.Equal(Bytes(gpu) + ofScore * 2 * graph.Sources * graph.Columns, Bytes(cpu));

        long Bytes(Device device)
        {
            using var model = new Transformer(device, weights);
            var (method, options) = ((PathMethod)AttributionMethods.Find(name), new AttributionOptions { Method = name });
            return PathRun.Measure(model, batch, method.Path(options, model.Graph), method, options, null);
        }
    }

    [SimulatedFact]
    public void TheWorkspaceOfARunIsFreeForTheNext()
    {
        using var weights = RandomModels.Gpt2(1);
        var data = RandomExamples.Create(3, weights.Config.Vocabulary, count: 40);
        var (before, workspace, after) = Run(weights, 1 << 20, model =>
        {
            var budget = MicroBatches.Budget(model, null);
            Attributor.Run(model, data, new() { Method = "eap" });
            return (budget, model.WorkspaceBytes, MicroBatches.Budget(model, null));
        }).Result;
        Assert.True(workspace > before / 2);
        // What the kernels took besides comes off (half of it); half of the workspace is more, and would come off too.
        Assert.InRange(after, before - workspace / 2, before);
    }

    /// <summary>Some work on a GPU with <paramref name="room"/> bytes beside the parameters: its result, the most it held at a time, and what it said.</summary>
    private static (T Result, long Held, List<string> Notices) Run<T>(ModelWeights weights, long? room, Func<Transformer, T> work, List<string>? notices = null)
    {
        notices ??= [];
        using var device = SimulatedCuda.Open();
        using var model = new Transformer(device, weights) { Notice = notices.Add };
        var before = SimulatedGpu.Memory.Used;
        if (room is { } bytes) SimulatedGpu.MemoryBytes = before + bytes;
        var result = work(model);
        return (result, model.Workspace(1).Bytes, notices);
    }
}
