using Faith.Engine.Ablations;
using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Models;
using Faith.Engine.Passes;
using Faith.Engine.Tests.Families;
using Faith.Engine.Tests.Oracle;
using Faith.Kernels.Host;
using Faith.PtxInterpreter;
using Xunit;

namespace Faith.Engine.Tests.Attribution;

/// <summary>Scores by span against the literal float64 oracle, and what they share with ordinary ones.</summary>
[Collection(SimulatedCuda.Name)]
public sealed class SpanScoreTests
{
    public static TheoryData<string> ModelNames() => Scoring.ModelNames();
    public static TheoryData<string> Families() => FamilyTests.Names();

    [Theory, MemberData(nameof(ModelNames))]
    public void AgreeWithTheOracle(string name)
    {
        using var weights = Scoring.Models[name]();
        var data = RandomSpans.AddTo(RandomExamples.Create(11, weights.Config.Vocabulary));
        Compare(weights, data, new() { Method = "eap", Positions = PositionKind.Spans }, OracleMethod.Eap, name);
    }

    [Theory]
    [InlineData("gpt2", "eap-ig", OracleMethod.EapIg)]
    [InlineData("llama", "eap-ig", OracleMethod.EapIg)]
    [InlineData("norms of inputs and outputs", "eap-ig", OracleMethod.EapIg)]
    [InlineData("queries and keys of all heads normed together", "eap-ig", OracleMethod.EapIg)]
    [InlineData("gpt2", "clean-corrupted", OracleMethod.CleanCorrupted)]
    [InlineData("llama", "clean-corrupted", OracleMethod.CleanCorrupted)]
    [InlineData("gpt2", "eap-ig-activations", OracleMethod.EapIgActivations)]
    [InlineData("llama", "eap-ig-activations", OracleMethod.EapIgActivations)]
    [InlineData("gpt2", "relp", OracleMethod.Eap)]
    [InlineData("llama", "relp", OracleMethod.Eap)]
    [InlineData("llama", "gim", OracleMethod.Eap)]
    [InlineData("norms of inputs and outputs", "attnlrp", OracleMethod.Eap)]
    public void EveryMethodAgreesWithTheOracle(string name, string method, OracleMethod oracle)
    {
        using var weights = Scoring.Models[name]();
        var data = RandomSpans.AddTo(RandomExamples.Create(31, weights.Config.Vocabulary));
        Compare(weights, data, new() { Method = method, Steps = oracle == OracleMethod.Eap ? null : 3, Positions = PositionKind.Spans }, oracle, $"{name}, {method}");
    }

    [Theory]
    [InlineData("gpt2", Ablation.Zero, OracleAblation.Zero)]
    [InlineData("llama", Ablation.Mean, OracleAblation.Mean)]
    [InlineData("norms of inputs and outputs", Ablation.MeanPositional, OracleAblation.MeanPositional)]
    public void EveryAblationAgreesWithTheOracle(string name, Ablation ablation, OracleAblation oracle)
    {
        using var weights = Scoring.Models[name]();
        var data = RandomSpans.AddTo(RandomExamples.Create(12, weights.Config.Vocabulary));
        Compare(weights, data, new() { Method = "eap-ig", Steps = 2, Ablation = ablation, Metric = MetricKind.ProbabilityDifference, Positions = PositionKind.Spans }, OracleMethod.EapIg, name, OracleMetric.ProbDiff, oracle);
    }

    [Theory, MemberData(nameof(Families))]
    public void FamiliesAgreeWithTheOracle(string family)
    {
        var directory = new FamilyDirectory(family);
        using var weights = directory.Load();
        Compare(weights, RandomSpans.AddTo(directory.Examples.Take(3)), new() { Method = "eap", Positions = PositionKind.Spans }, OracleMethod.Eap, family);
    }

    [Fact]
    public void SingleTokensAgreeWithTheOracle()
    {
        using var weights = RandomModels.Llama(5);
        var data = RandomExamples.DifferingAt(3, weights.Config.Vocabulary, 3, 5, 1, 3);
        Compare(weights, data, new() { Method = "eap", Positions = PositionKind.Tokens }, OracleMethod.Eap, "tokens");
    }

    [SimulatedTheory]
    [InlineData("gpt2", "eap")]
    [InlineData("llama", "eap-ig")]
    public void TheGpuAgreesWithTheOracle(string name, string method)
    {
        using var weights = Scoring.Models[name]();
        var data = RandomSpans.AddTo(RandomExamples.Create(11, weights.Config.Vocabulary));
        using var device = SimulatedCuda.Open();
        using var model = new Transformer(device, weights);
        var result = Attributor.Run(model, data, new() { Method = method, Steps = 2, Positions = PositionKind.Spans });
        var (graph, examples) = RandomSpans.Graph(model.Graph, data);
        Close.Check(OracleRun.SpanScores(weights, graph, examples, method == "eap" ? OracleMethod.Eap : OracleMethod.EapIg, 2), result.Spans!.Values, 1e-5, name);
        var circuit = SpanSelection.Select(result.Spans, "greedy", 100, signed: false);
        Close.Check(OracleRun.SpanCircuit(weights, [.. examples.Take(2)], circuit), CircuitEvaluator.Evaluate(model, [.. data.Take(2)], [circuit], new EvaluationOptions())[0].Circuit, 1e-4, name);
        Assert.Null(SimulatedGpu.Fault);
    }

    [Theory]
    [InlineData("gpt2", "eap-ig")]
    [InlineData("norms of inputs and outputs", "relp")]
    public void TheyAddUpToOrdinaryScores(string name, string method)
    {
        using var weights = Scoring.Models[name]();
        var data = RandomSpans.AddTo(RandomExamples.Create(21, weights.Config.Vocabulary));
        var ordinary = Scoring.Run(weights, data, new() { Method = method });
        var bySpan = Scoring.Run(weights, data, new() { Method = method, Positions = PositionKind.Spans });
        var graph = bySpan.Spans!.Graph;
        Assert.Equal(["b", "a", "rest"], graph.Spans.Order(StringComparer.Ordinal).Reverse().Where(s => s != "rest").Append("rest"));
        double[] sums = [.. Enumerable.Range(0, graph.Model.Pairs).Select(edge => Enumerable.Range(0, 3).Sum(s => bySpan.Spans[graph.Within(s, new(edge))]))];
        Close.Check(ordinary.Scores.Values, sums, 1e-6, name);
        Close.Check(ordinary.Scores.Values, bySpan.Scores.Values, 1e-6, name);
        Assert.Equal(ordinary.CompletenessGap is null, bySpan.CompletenessGap is null);
    }

    // What the weight of an edge does to the metric at the full circuit is its score.
    [Theory]
    [InlineData("llama")]
    [InlineData("norms of inputs and outputs")]
    [InlineData("queries and keys of all heads normed together")]
    public void TheyAreDerivativesOfCircuits(string name)
    {
        using var weights = Scoring.Models[name]();
        var data = RandomSpans.AddTo(RandomExamples.Create(17, weights.Config.Vocabulary, count: 1));
        var scores = Scoring.Run(weights, data, new() { Method = "eap", Positions = PositionKind.Spans }).Spans!;
        var (graph, examples) = RandomSpans.Graph(scores.Graph.Model, data);
        var model = new LiteralModel(weights);
        var spans = new LiteralSpans(model, graph, LiteralAblation.Of(OracleAblation.Patching, model, []));
        double Metric(SpanEdgeId changed, double share) => LiteralMetric.Evaluate(OracleMetric.LogitDiff, spans.LastLogits(examples[0], edge => edge == changed ? share : 1.0), examples[0], []);
        var random = new Random(1);
        SpanEdgeId[] within = [.. Enumerable.Range(0, graph.Spans.Count).SelectMany(s => graph.Model.AllEdges.Select(edge => graph.Within(s, edge)))];
        random.Shuffle(within);
        var chosen = within.Where(edge => scores[edge] != 0).Take(25).ToArray();
        double[] slopes = [.. chosen.Select(edge => (Metric(edge, 1 + 1e-5) - Metric(edge, 1 - 1e-5)) / 2e-5)];
        Close.Check(slopes, [.. chosen.Select(edge => scores[edge])], 2e-5, name);
    }

    [Fact]
    public void TheyHaveTheSameBitsForAnyThreadsMicroBatchAndOrder()
    {
        using var weights = RandomModels.Llama(62);
        var data = RandomSpans.AddTo(RandomExamples.Create(63, weights.Config.Vocabulary, count: 6));
        var options = new AttributionOptions { Method = "eap-ig", Steps = 2, Positions = PositionKind.Spans };
        var expected = Scoring.Run(weights, data, options, threads: 1).Spans!;
        Assert.Equal(expected.Values, Scoring.Run(weights, data, options, threads: 3).Spans!.Values);
        Assert.Equal(expected.Values, Scoring.Run(weights, data, options with { MemoryBytes = 400_000 }).Spans!.Values);
        using var one = new HostDevice(1);
        using var two = new HostDevice(1);
        using var models = new TransformerSet([one, two], weights);
        Assert.Equal(expected.Values, Attributor.Run(models, data, options).Spans!.Values);
    }

    [Theory]
    [InlineData("exact", ScoreLevel.Edge, "exact does not tell positions apart (--positions); those that do: eap, ")]
    [InlineData("eap-qkfix", ScoreLevel.Edge, "eap-qkfix does not")]
    [InlineData("eap", ScoreLevel.Node, "--positions scores edges; leave --level node out")]
    public void WhatIsNotThereIsRefused(string method, ScoreLevel level, string expected)
    {
        using var weights = RandomModels.Gpt2(1);
        var data = RandomSpans.AddTo(RandomExamples.Create(1, weights.Config.Vocabulary));
        var thrown = Assert.Throws<InputException>(() => Scoring.Run(weights, data, new() { Method = method, Level = level, Positions = PositionKind.Spans }));
        Assert.Contains(expected, thrown.Message, StringComparison.Ordinal);
    }

    private static void Compare(ModelWeights weights, IReadOnlyList<Example> data, AttributionOptions options, OracleMethod method, string what,
        OracleMetric metric = OracleMetric.LogitDiff, OracleAblation ablation = OracleAblation.Patching)
    {
        var scores = Scoring.Run(weights, data, options).Spans!;
        var (graph, examples) = RandomSpans.Graph(scores.Graph.Model, data, options.Positions!.Value);
        Assert.True(graph.Matches(scores.Graph));
        var expected = OracleRun.SpanScores(weights, graph, examples, method, options.Steps ?? 5, null, metric, ablation, Scoring.RulesOf(options));
        var withinEnd = graph.Spans.Count * graph.Model.Pairs;
        Close.Check(expected[..withinEnd], scores.Values[..withinEnd], 1e-5, $"within, {what}");
        Assert.Contains(expected[withinEnd..], score => Math.Abs(score) > 1e-8);
        Close.Check(expected[withinEnd..], scores.Values[withinEnd..], 2e-5, $"between, {what}");
    }
}
