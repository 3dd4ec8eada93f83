using Faith.Engine.Ablations;
using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Compatibility;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Models;
using Faith.Engine.Passes;
using Faith.Engine.Reports;
using Faith.Engine.Tests.Oracle;
using Faith.Kernels.Host;
using Xunit;

namespace Faith.Engine.Tests.Compatibility;

/// <summary>The modes against what their sources compute.</summary>
public sealed class CompatibilityModeTests
{
    // Files as the library wrote them: no factor is applied here.
    [SharedDataTheory(Golden.Folder)]
    [InlineData("EAP__logit_diff__eq_b1", "eap", "eq", 1)]
    [InlineData("EAP__logit_diff__eq_b3", "eap", "eq", 3)]
    [InlineData("EAP__logit_diff__eq_b8", "eap", "eq", 8)]
    [InlineData("EAP__logit_diff__pad_b3", "eap", "pad", 3)]
    [InlineData("EAP__logit_diff__pad_b8", "eap", "pad", 8)]
    [InlineData("EAP-IG-inputs-5__logit_diff__eq_b1", "eap-ig", "eq", 1)]
    [InlineData("EAP-IG-inputs-5__logit_diff__eq_b3", "eap-ig", "eq", 3)]
    [InlineData("EAP-IG-inputs-5__logit_diff__pad_b3", "eap-ig", "pad", 3)]
    [InlineData("EAP-IG-inputs-5__logit_diff__pad_b8", "eap-ig", "pad", 8)]
    [InlineData("EAP-IG-inputs-5__kl__pad_b8", "eap-ig", "pad", 8)]
    [InlineData("clean-corrupted__kl__eq_b8", "clean-corrupted", "eq", 8)]
    [InlineData("EAP-zero__logit_diff__eq_b8", "eap", "eq", 8, Ablation.Zero)]
    [InlineData("EAP-mean-positional__logit_diff__eq_b8", "eap", "eq", 8, Ablation.MeanPositional)]
    [InlineData("exact__logit_diff__pad_b8", "exact", "pad", 8)]
    [InlineData("information-flow-routes__none__eq_b8", "ifr", "eq", 8)]
    public void TheLibrarysFilesAsTheyStand(string file, string method, string set, int batch, Ablation ablation = Ablation.Patching)
    {
        var folder = SharedData.Find(Golden.Folder)!;
        var expected = ScoreFile.Read(Path.Combine(folder, "scores", file + ".json")).Scores!;
        using var device = new HostDevice(2);
        using var weights = ModelLoader.Load(folder);
        using var model = new Transformer(device, weights);
        var options = new AttributionOptions
        {
            Method = method, Ablation = ablation, Metric = file.Contains("__kl__", StringComparison.Ordinal) ? MetricKind.KullbackLeibler : MetricKind.LogitDifference,
        };
        var result = CompatibilityMode.Find("eap-ig").Run(model, Golden.Examples(set), options, batch);
        Close.Check(expected.Values, result.Scores.Values, 1e-4, file);
    }

    [Fact]
    public void AnExampleOfAShortLastBatchCountsMore()
    {
        var graph = new ModelGraph(1, 1);
        var sums = new BatchedScores(graph, 8, 3);
        for (var e = 0; e < 8; e++)
        {
            var scores = new float[graph.Sources * graph.Columns];
            scores[e] = 1;
            sums.Add(e, scores);
        }
        var third = 1.0 / 3 / 8;
        Assert.Equal([third, third, third, third, third, third, 1.0 / 16, 1.0 / 16], sums.Scores.Values[..8]);
    }

    [Fact]
    public void ThePaperTakesTheStepsFromOneAndAddsUpAsUsual()
    {
        using var weights = RandomModels.Gpt2(1);
        var data = RandomExamples.Create(2, weights.Config.Vocabulary);
        using var device = new HostDevice(2);
        using var model = new Transformer(device, weights);
        var expected = Attributor.Run(model, data, new() { Rule = IntegrationRule.Right }).Scores.Values;
        Assert.Equal(expected, CompatibilityMode.Find("paper").Run(model, data, new(), batch: 3).Scores.Values);
    }

    // The paper's program prunes once from the outputs up and once from the inputs down. Nodes stand in topological order, so
    // nothing is left for a second round: that pass is the fixed point.
    [Fact]
    public void OnePassOfThePapersPruningIsTheFixedPoint()
    {
        foreach (var graph in new[] { new ModelGraph(3, 2), new ModelGraph(3, 2, Parallel: true) })
        {
            var random = new Random(1);
            var all = Circuit.Full(graph).Edges.ToArray();
            for (var trial = 0; trial < 500; trial++)
            {
                var share = random.NextDouble() * 0.3;
                var circuit = new Circuit(graph, all.Where(_ => random.NextDouble() < share));
                Assert.Equal(OnePass(circuit), Pruning.Prune(circuit).Edges);
            }
        }
    }

    [Fact]
    public void WhatASourceDoesOtherwiseIsRefused()
    {
        var library = CompatibilityMode.Find("eap-ig");
        Assert.Throws<InputException>(() => library.Apply(new() { Ablation = Ablation.Mean }));
        Assert.Throws<InputException>(() => library.Apply(new() { Level = ScoreLevel.Node }));
        Assert.Throws<InputException>(() => CompatibilityMode.Find("other"));
        Assert.All(CompatibilityMode.All, mode => Assert.True(mode.Select is null || SelectionMethods.All.ContainsKey(mode.Select)));
    }

    private static IEnumerable<int> OnePass(Circuit circuit)
    {
        var graph = circuit.Graph;
        var edges = circuit.Edges.ToHashSet();
        for (var node = graph.LogitsNode - 1; node >= 0; node--)
        {
            if (!edges.Any(e => e / graph.Columns == node)) edges.RemoveWhere(e => graph.NodeOfColumn(e % graph.Columns) == node);
        }
        for (var node = 1; node < graph.LogitsNode; node++)
        {
            if (!edges.Any(e => graph.NodeOfColumn(e % graph.Columns) == node)) edges.RemoveWhere(e => e / graph.Columns == node);
        }
        return edges.Order();
    }
}
