using Faith.Engine.Ablations;
using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Compatibility;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Models;
using Faith.Engine.Passes;
using Faith.Engine.ScoreFiles;
using Faith.Engine.Tests.Attribution;
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
    [InlineData("EAP-mean__logit_diff__eq_b8", "eap", "eq", 8, Ablation.Mean)]
    [InlineData("EAP-IG-activations-3__logit_diff__pad_b8", "eap-ig-activations", "pad", 8)]
    [InlineData("EAP-IG-activations-3-zero__logit_diff__eq_b8", "eap-ig-activations", "eq", 8, Ablation.Zero)]
    [InlineData("EAP-IG-activations-3-mean__logit_diff__eq_b8", "eap-ig-activations", "eq", 8, Ablation.Mean)]
    [InlineData("EAP-IG-activations-3-mean-positional__logit_diff__eq_b8", "eap-ig-activations", "eq", 8, Ablation.MeanPositional)]
    [InlineData("exact-zero__logit_diff__eq_b8", "exact", "eq", 8, Ablation.Zero)]
    [InlineData("exact-mean__logit_diff__eq_b8", "exact", "eq", 8, Ablation.Mean)]
    [InlineData("exact-mean-positional__logit_diff__eq_b8", "exact", "eq", 8, Ablation.MeanPositional)]
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
            Method = method, Ablation = ablation, Steps = method == "eap-ig-activations" ? 3 : 5, Metric = file.Contains("__kl__", StringComparison.Ordinal) ? MetricKind.KullbackLeibler : MetricKind.LogitDifference,
        };
        var result = CompatibilityMode.Find("eap-ig").Run(model, Golden.Examples(set), options, batch);
        Close.Check(expected.Values, result.Scores.Values, 1e-4, file);
    }

    [SharedDataTheory(Golden.Folder)]
    [InlineData("EAP", "eap", 5, Ablation.Patching, "eq")]
    [InlineData("EAP", "eap", 5, Ablation.Patching, "pad")]
    [InlineData("EAP", "eap", 5, Ablation.Zero, "pad")]
    [InlineData("EAP", "eap", 5, Ablation.MeanPositional, "eq")]
    [InlineData("EAP-IG-inputs-5", "eap-ig", 5, Ablation.Patching, "eq")]
    [InlineData("EAP-IG-inputs-5", "eap-ig", 5, Ablation.Patching, "pad")]
    [InlineData("EAP-IG-activations-3", "eap-ig-activations", 3, Ablation.Patching, "pad")]
    [InlineData("EAP-IG-activations-3", "eap-ig-activations", 3, Ablation.Zero, "eq")]
    [InlineData("EAP-IG-activations-3", "eap-ig-activations", 3, Ablation.MeanPositional, "eq")]
    public void TheLibrarysNodesAndNeuronsAsTheyStand(string name, string method, int steps, Ablation ablation, string set)
    {
        var golden = Golden.Json("node_f64.json");
        using var device = new HostDevice(2);
        using var weights = ModelLoader.Load(SharedData.Find(Golden.Folder)!);
        using var model = new Transformer(device, weights);
        var result = CompatibilityMode.Find("eap-ig").Run(model, Golden.Examples(set), new() { Method = method, Steps = steps, Ablation = ablation, Level = ScoreLevel.Neuron }, 8);
        var key = $"{name}__{ablation.Name()}__{set}_b8";
        Close.Check(Golden.Numbers(golden[key]!), result.NodeScores!, 1e-4, key);
        if (golden["neuron_" + key] is { } neurons) Close.Check(Golden.Numbers(neurons), result.NeuronScores!, 1e-4, "neuron_" + key);
        Assert.All(result.Scores.Values, score => Assert.Equal(0, score));
    }

    [Fact]
    public void NodesOfAShortLastBatchCountMoreToo()
    {
        using var weights = RandomModels.Gpt2(61);
        var data = RandomExamples.Create(62, weights.Config.Vocabulary, count: 4);
        using var device = new HostDevice(2);
        using var model = new Transformer(device, weights);
        var library = CompatibilityMode.Find("eap-ig");
        double[] Nodes(IReadOnlyList<Example> examples, int batch) => library.Run(model, examples, new() { Level = ScoreLevel.Node }, batch).NodeScores!;
        // Batches of 3 and 1: each example of the first counts a third.
        var expected = Nodes(data[..3], 1).Zip(Nodes(data[3..], 1), (first, last) => (first + last) / 4).ToArray();
        Close.Check(expected, Nodes(data, 3), 1e-6, "nodes");
        Assert.Null(library.Run(model, data, new() { Level = ScoreLevel.Node }, 1).NeuronScores);
    }

    // Prompts of several lengths, other families and more than one contraction, which the files do not have.
    [Theory]
    [InlineData("eap", OracleMethod.Eap, Ablation.Mean, 5)]
    [InlineData("eap-ig-activations", OracleMethod.EapIgActivations, Ablation.Mean, 9)]
    [InlineData("eap-ig-activations", OracleMethod.EapIgActivations, Ablation.MeanPositional, 9)]
    [InlineData("exact", OracleMethod.Exact, Ablation.Mean, 5)]
    public void MeansOfTheLibraryAgreeWithTheOracle(string method, OracleMethod oracleMethod, Ablation ablation, int steps)
    {
        foreach (var name in new[] { "gpt2, 3 layers, untied, narrow", "gpt2, parallel blocks", "llama, tied, one key head, 3 layers" })
        {
            using var weights = Scoring.Models[name]();
            var data = RandomExamples.Create(11, weights.Config.Vocabulary);
            var model = new LiteralModel(weights);
            var means = Golden.Ablation(ablation.Name(), model, data);
            var scores = new LiteralScores(model, OracleMetric.LogitDiff, means);
            var path = new LiteralScores(model, OracleMetric.LogitDiff, LiteralAblation.Of(OracleAblation.Zero, model, []));
            var expected = new double[model.Graph.Sources * model.Graph.Columns];
            foreach (var example in data)
            {
                var own = oracleMethod == OracleMethod.Exact ? scores.Edges(example, oracleMethod, [])
                    : Contract(model.Graph, scores.Difference(example), path.GradientRuns(example, oracleMethod, LiteralRule.Points(OracleRule.Right, steps)));
                for (var i = 0; i < expected.Length; i++) expected[i] += own[i] / data.Length;
            }
            var library = CompatibilityMode.Find("eap-ig").Apply(new() { Method = method, Ablation = ablation, Steps = steps });
            Close.Check(expected, Scoring.Scores(weights, data, library), 1e-5, $"{name}, {method}");
        }
    }

    [Fact]
    public void MeansOfTheLibraryHaveTheSameBitsForAnyThreadsAndMicroBatch()
    {
        using var weights = RandomModels.Llama(51);
        var data = RandomExamples.Create(52, weights.Config.Vocabulary, count: 7);
        var library = CompatibilityMode.Find("eap-ig").Apply(new() { Method = "eap-ig-activations", Ablation = Ablation.Mean, Steps = 3, AblationData = data });
        Scoring.CheckBits(weights, data, library);
    }

    private static double[] Contract(ModelGraph graph, double[][] difference, IEnumerable<(LiteralRun Run, double Weight)> runs)
    {
        var scores = new double[graph.Sources * graph.Columns];
        foreach (var (run, weight) in runs)
        {
            foreach (var e in Circuit.Full(graph).Edges) scores[e] += weight * difference[e / graph.Columns].Zip(run.Inputs[e % graph.Columns].Gradient, (d, g) => d * g).Sum();
        }
        return scores;
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
        foreach (var ablation in new[] { Ablation.Zero, Ablation.Mean, Ablation.MeanPositional })
        {
            Assert.Contains("eap-ig-activations, exact and ifr", Assert.Throws<InputException>(() => library.Apply(new() { Ablation = ablation })).Message, StringComparison.Ordinal);
            Assert.Throws<InputException>(() => library.Apply(new() { Method = "clean-corrupted", Ablation = ablation }));
        }
        Assert.Throws<InputException>(() => library.Apply(new() { Method = "exact", Level = ScoreLevel.Node, Ablation = Ablation.Mean }));
        foreach (var mode in CompatibilityMode.All)
        {
            foreach (var method in (string[])["relp", "gim", "eap-graddrop", "eap-qkfix"])
            {
                Assert.Contains($"{mode.Name}: this source has no {method}", Assert.Throws<InputException>(() => mode.Apply(new() { Method = method })).Message, StringComparison.Ordinal);
            }
        }
        Assert.Throws<InputException>(() => CompatibilityMode.Find("other"));
        Assert.All(CompatibilityMode.All, mode => Assert.True(mode.Select is null || SelectionMethods.All.ContainsKey(mode.Select)));
    }

    private static IEnumerable<EdgeId> OnePass(Circuit circuit)
    {
        var graph = circuit.Graph;
        var edges = circuit.Edges.ToHashSet();
        for (var node = graph.LogitsNode - 1; node >= 0; node--)
        {
            if (!edges.Any(e => graph.SourceOf(e) == node)) edges.RemoveWhere(e => graph.TargetOf(e) == node);
        }
        for (var node = 1; node < graph.LogitsNode; node++)
        {
            if (!edges.Any(e => graph.TargetOf(e) == node)) edges.RemoveWhere(e => graph.SourceOf(e) == node);
        }
        return edges.Order();
    }
}
