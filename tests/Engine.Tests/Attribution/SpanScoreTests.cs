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
    [InlineData("gpt2", "eap-graddrop", OracleMethod.GradDrop)]
    [InlineData("llama, tied, one key head, 3 layers", "eap-graddrop", OracleMethod.GradDrop)]
    [InlineData("gpt2, parallel blocks", "eap-graddrop", OracleMethod.GradDrop)]
    [InlineData("norms of inputs and outputs", "eap-graddrop", OracleMethod.GradDrop)]
    [InlineData("queries and keys of all heads normed together", "eap-graddrop", OracleMethod.GradDrop)]
    [InlineData("gpt2", "eap-qkfix", OracleMethod.QkFix)]
    [InlineData("llama, tied, one key head, 3 layers", "eap-qkfix", OracleMethod.QkFix)]
    [InlineData("gpt2, parallel blocks", "eap-qkfix", OracleMethod.QkFix)]
    [InlineData("norms of queries and keys", "eap-qkfix", OracleMethod.QkFix)]
    [InlineData("norms of inputs and outputs", "eap-qkfix", OracleMethod.QkFix)]
    [InlineData("queries and keys of all heads normed together", "eap-qkfix", OracleMethod.QkFix)]
    [InlineData("soft caps, windows, biased logits", "eap-qkfix", OracleMethod.QkFix)]
    public void EveryMethodAgreesWithTheOracle(string name, string method, OracleMethod oracle)
    {
        using var weights = Scoring.Models[name]();
        var data = RandomSpans.AddTo(RandomExamples.Create(31, weights.Config.Vocabulary));
        Compare(weights, data, new() { Method = method, Steps = AttributionMethods.Find(method).DefaultSteps > 1 ? 3 : null, Positions = PositionKind.Spans }, oracle, $"{name}, {method}");
    }

    [Theory]
    [InlineData("gpt2", "eap-ig", OracleMethod.EapIg, Ablation.Zero, OracleAblation.Zero)]
    [InlineData("llama", "eap-ig", OracleMethod.EapIg, Ablation.Mean, OracleAblation.Mean)]
    [InlineData("norms of inputs and outputs", "eap-ig", OracleMethod.EapIg, Ablation.MeanPositional, OracleAblation.MeanPositional)]
    [InlineData("llama", "eap-qkfix", OracleMethod.QkFix, Ablation.Mean, OracleAblation.Mean)]
    [InlineData("gpt2", "eap-graddrop", OracleMethod.GradDrop, Ablation.MeanPositional, OracleAblation.MeanPositional)]
    public void EveryAblationAgreesWithTheOracle(string name, string method, OracleMethod oracleMethod, Ablation ablation, OracleAblation oracle)
    {
        using var weights = Scoring.Models[name]();
        var data = RandomSpans.AddTo(RandomExamples.Create(12, weights.Config.Vocabulary));
        Compare(weights, data, new() { Method = method, Steps = 2, Ablation = ablation, Metric = MetricKind.ProbabilityDifference, Positions = PositionKind.Spans }, oracleMethod, $"{name}, {method}", OracleMetric.ProbDiff, oracle);
    }

    [Theory, MemberData(nameof(Families))]
    public void FamiliesAgreeWithTheOracle(string family)
    {
        var directory = new FamilyDirectory(family);
        using var weights = directory.Load();
        Compare(weights, RandomSpans.AddTo(directory.Examples.Take(3)), new() { Method = "eap", Positions = PositionKind.Spans }, OracleMethod.Eap, family);
    }

    [Theory]
    [InlineData("eap", OracleMethod.Eap)]
    [InlineData("eap-qkfix", OracleMethod.QkFix)]
    [InlineData("eap-graddrop", OracleMethod.GradDrop)]
    public void SingleTokensAgreeWithTheOracle(string method, OracleMethod oracle)
    {
        using var weights = RandomModels.Llama(5);
        var data = RandomExamples.DifferingAt(3, weights.Config.Vocabulary, 3, 5, 1, 3);
        Compare(weights, data, new() { Method = method, Positions = PositionKind.Tokens }, oracle, "tokens");
    }

    [SimulatedTheory]
    [InlineData("gpt2", "eap", OracleMethod.Eap)]
    [InlineData("llama", "eap-ig", OracleMethod.EapIg)]
    [InlineData("llama", "eap-qkfix", OracleMethod.QkFix)]
    [InlineData("gpt2", "eap-graddrop", OracleMethod.GradDrop)]
    public void TheGpuAgreesWithTheOracle(string name, string method, OracleMethod oracle)
    {
        using var weights = Scoring.Models[name]();
        var data = RandomSpans.AddTo(RandomExamples.Create(11, weights.Config.Vocabulary));
        using var device = SimulatedCuda.Open();
        using var model = new Transformer(device, weights);
        var result = Attributor.Run(model, data, new() { Method = method, Steps = 2, Positions = PositionKind.Spans });
        var (graph, examples) = RandomSpans.Graph(model.Graph, data);
        Close.Check(OracleRun.SpanScores(weights, graph, examples, oracle, 2), result.Spans!.Values, 1e-5, name);
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

    [Theory]
    [InlineData("gpt2", "eap-ig", OracleMethod.EapIg)]
    [InlineData("norms of inputs and outputs", "eap", OracleMethod.Eap)]
    [InlineData("llama", "eap-ig-activations", OracleMethod.EapIgActivations)]
    [InlineData("llama", "gim", OracleMethod.Eap)]
    [InlineData("gpt2, parallel blocks", "eap-graddrop", OracleMethod.GradDrop)]
    [InlineData("llama, tied, one key head, 3 layers", "eap-graddrop", OracleMethod.GradDrop)]
    [InlineData("llama", "eap-qkfix", OracleMethod.QkFix)]
    public void NodesAgreeWithTheOracle(string name, string method, OracleMethod oracle)
    {
        using var weights = Scoring.Models[name]();
        var data = RandomSpans.AddTo(RandomExamples.Create(51, weights.Config.Vocabulary));
        var options = new AttributionOptions { Method = method, Steps = AttributionMethods.Find(method).DefaultSteps > 1 ? 3 : null, Positions = PositionKind.Spans, Level = ScoreLevel.Node };
        var result = Scoring.Run(weights, data, options);
        var (graph, examples) = RandomSpans.Graph(result.Scores.Graph, data);
        Close.Check(OracleRun.SpanNodeScores(weights, graph, examples, oracle, options.Steps ?? 5, rules: Scoring.RulesOf(options)), result.SpanNodes!, 2e-5, name);
        Assert.Equal(Scoring.Run(weights, data, options with { Level = ScoreLevel.Edge }).Spans!.Values, result.Spans!.Values);
        using var one = new HostDevice(1);
        using var two = new HostDevice(1);
        using var models = new TransformerSet([one, two], weights);
        Assert.Equal(result.SpanNodes, Attributor.Run(models, data, options).SpanNodes);
    }

    // Magnitudes do not add up, and neither does what a softmax makes of changes at several places; of one span there is nothing to add up.
    [Theory]
    [InlineData("llama", "eap-graddrop")]
    [InlineData("llama", "eap-qkfix")]
    [InlineData("queries and keys of all heads normed together", "eap-qkfix")]
    public void OfASpanThatIsTheWholePromptTheyAreOrdinaryScores(string name, string method)
    {
        using var weights = Scoring.Models[name]();
        Example[] data = [.. RandomExamples.Create(41, weights.Config.Vocabulary).Select(example => example with { Spans = [new("all", 0, example.Clean.Length)] })];
        var (ordinary, spans) = (Scoring.Run(weights, data, new() { Method = method }), Scoring.Run(weights, data, new() { Method = method, Positions = PositionKind.Spans }).Spans!);
        Assert.Equal(["all"], spans.Graph.Spans);
        Close.Check(ordinary.Scores.Values, [.. ordinary.Scores.Graph.AllEdges.Aggregate(new double[ordinary.Scores.Values.Length], (all, edge) => { all[edge] = spans[spans.Graph.Within(0, edge)]; return all; })], 1e-6, name);
    }

    [Fact]
    public void MagnitudesAddUpToTheOrdinaryOneOrMore()
    {
        using var weights = Scoring.Models["llama, tied, one key head, 3 layers"]();
        var data = RandomSpans.AddTo(RandomExamples.Create(22, weights.Config.Vocabulary));
        var result = Scoring.Run(weights, data, new() { Method = "eap-graddrop", Positions = PositionKind.Spans });
        Close.Check(Scoring.Scores(weights, data, new() { Method = "eap-graddrop" }), result.Scores.Values, 1e-6, "whole prompts");
        var graph = result.Spans!.Graph;
        double[] sums = [.. graph.Model.AllEdges.Select(edge => Enumerable.Range(0, graph.Spans.Count).Sum(s => result.Spans[graph.Within(s, edge)]))];
        double[] whole = [.. graph.Model.AllEdges.Select(edge => result.Scores[edge])];
        Assert.All(sums.Zip(whole), pair => Assert.True(pair.First >= pair.Second - 1e-6));
        Assert.True(sums.Sum() > 1.05 * whole.Sum(), "spans cancel in no edge");
    }

    // A query acts at its own position, so what its edges do adds up; a key acts wherever it is attended to, beside all others.
    [Fact]
    public void RecomputedQueriesAddUpAndKeysNeedNot()
    {
        using var weights = Scoring.Models["llama"]();
        var data = RandomSpans.AddTo(RandomExamples.Create(23, weights.Config.Vocabulary));
        var result = Scoring.Run(weights, data, new() { Method = "eap-qkfix", Positions = PositionKind.Spans });
        var graph = result.Spans!.Graph;
        double[] Sums(InputKind kind) => [.. Of(kind).Select(edge => Enumerable.Range(0, graph.Spans.Count).Sum(s => result.Spans[graph.Within(s, edge)]))];
        double[] Whole(InputKind kind) => [.. Of(kind).Select(edge => result.Scores[edge])];
        IEnumerable<EdgeId> Of(InputKind kind) => graph.Model.AllEdges.Where(edge => graph.Model.DestinationOf(graph.Model.ColumnOf(edge)).Kind == kind);
        Close.Check(Whole(InputKind.Query), Sums(InputKind.Query), 1e-5, "queries");
        Assert.Contains(Sums(InputKind.Key).Zip(Whole(InputKind.Key)), pair => Math.Abs(pair.First - pair.Second) > 1e-3 * Whole(InputKind.Key).Max(Math.Abs));
    }

    // Steps are found over whole prompts, and so are the same with positions and without.
    [Fact]
    public void StepsAreFoundForThemToo()
    {
        using var weights = RandomModels.Llama(5);
        var data = RandomSpans.AddTo(RandomExamples.Create(31, weights.Config.Vocabulary));
        using var device = new HostDevice(2);
        using var model = new Transformer(device, weights);
        var options = new AttributionOptions { Method = "eap-ig", Rule = IntegrationRule.GaussLegendre };
        var (whole, bySpan) = (ConvergentRun.Run(model, data, options, new()), ConvergentRun.Run(model, data, options with { Positions = PositionKind.Spans }, new()));
        Assert.Equal(whole.Options.Steps, bySpan.Options.Steps);
        Assert.Equal(whole.Rounds.Count, bySpan.Rounds.Count);
        Assert.Equal(Scoring.Run(weights, data, bySpan.Options).Spans!.Values, bySpan.Result.Spans!.Values);
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

    [Theory]
    [InlineData("eap-ig")]
    [InlineData("eap-qkfix")]
    [InlineData("eap-graddrop")]
    public void TheyHaveTheSameBitsForAnyThreadsMicroBatchAndOrder(string method)
    {
        using var weights = RandomModels.Llama(62);
        var data = RandomSpans.AddTo(RandomExamples.Create(63, weights.Config.Vocabulary, count: 6));
        var options = new AttributionOptions { Method = method, Steps = 2, Positions = PositionKind.Spans };
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
    [InlineData("ifr", ScoreLevel.Edge, "ifr does not")]
    [InlineData("eap", ScoreLevel.Neuron, "--positions scores edges and nodes; take --level edge or node")]
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
