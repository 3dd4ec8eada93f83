using Faith.Engine.Ablations;
using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Models;
using Faith.Engine.Passes;
using Faith.Engine.Tests.Attribution;
using Faith.Engine.Tests.Families;
using Faith.Engine.Tests.Oracle;
using Faith.Kernels.Host;
using Xunit;

namespace Faith.Engine.Tests.Circuits;

/// <summary>Circuits over spans: their selection, and their evaluation against the literal float64 oracle.</summary>
public sealed class SpanCircuitTests
{
    public static TheoryData<string> ModelNames() => Scoring.ModelNames();

    [Theory, MemberData(nameof(ModelNames))]
    public void EvaluationAgreesWithTheOracle(string name)
    {
        using var weights = Scoring.Models[name]();
        Compare(weights, RandomSpans.AddTo(RandomExamples.Create(11, weights.Config.Vocabulary, count: 3, longest: 7)), name);
    }

    [Theory]
    [InlineData("gpt2", Ablation.Zero, OracleAblation.Zero)]
    [InlineData("llama", Ablation.Mean, OracleAblation.Mean)]
    [InlineData("norms of inputs and outputs", Ablation.MeanPositional, OracleAblation.MeanPositional)]
    public void EveryAblationAgreesWithTheOracle(string name, Ablation ablation, OracleAblation oracle)
    {
        using var weights = Scoring.Models[name]();
        Compare(weights, RandomSpans.AddTo(RandomExamples.Create(12, weights.Config.Vocabulary, count: 3, longest: 6)), name, ablation, oracle);
    }

    [Theory]
    [InlineData("gemma2")]
    [InlineData("qwen3")]
    [InlineData("olmo2")]
    [InlineData("gpt_neox")]
    public void FamiliesAgreeWithTheOracle(string family)
    {
        var directory = new FamilyDirectory(family);
        using var weights = directory.Load();
        Compare(weights, RandomSpans.AddTo(directory.Examples.Take(1)), family);
    }

    [Fact]
    public void SingleTokensAgreeWithTheOracle()
    {
        using var weights = RandomModels.Llama(5);
        Compare(weights, RandomExamples.DifferingAt(3, weights.Config.Vocabulary, 2, 4, 0, 2), "tokens");
    }

    [Theory, MemberData(nameof(ModelNames))]
    public void TheEmptyAndTheFullCircuitAreTheRunsThemselves(string name)
    {
        using var weights = Scoring.Models[name]();
        var data = RandomSpans.AddTo(RandomExamples.Create(13, weights.Config.Vocabulary));
        using var device = new HostDevice(2);
        using var model = new Transformer(device, weights);
        var graph = RandomSpans.Graph(model.Graph, data).Graph;
        // A span without tokens: all that counts is in the circuit, and yet it is not full.
        var larger = new SpanGraph(model.Graph, [.. graph.Spans, "none"]);
        Example[] declared = [.. data.Select(example => example with { Spans = [.. example.Spans!, new("none", 0, 0)] })];
        var almost = new SpanCircuit(larger, larger.AllEdges.Where(edge => larger.Of(edge) is { From: < 3, To: < 3 }));
        var results = CircuitEvaluator.Evaluate(model, data, [SpanCircuit.Empty(graph), SpanCircuit.Full(graph)], new EvaluationOptions());
        Assert.Equal(results[0].Corrupted, results[0].Circuit);
        Assert.Equal(results[1].Clean, results[1].Circuit);
        Close.Check(results[0].Clean, CircuitEvaluator.Evaluate(model, declared, [almost], new EvaluationOptions())[0].Circuit, 1e-4, name);
        var within = new SpanCircuit(graph, graph.AllEdges.Where(edge => graph.Of(edge).Edge is not null));
        Close.Check(OracleRun.SpanCircuit(weights, [RandomSpans.Graph(model.Graph, data).Examples[0]], within), CircuitEvaluator.Evaluate(model, [data[0]], [within], new EvaluationOptions())[0].Circuit, 1e-4, name);
    }

    // With one span there is nothing but an ordinary circuit.
    [Theory]
    [InlineData("gpt2")]
    [InlineData("norms of inputs and outputs")]
    public void OneSpanGivesOrdinaryCircuits(string name)
    {
        using var weights = Scoring.Models[name]();
        Example[] data = [.. RandomExamples.Create(14, weights.Config.Vocabulary).Select(example => example with { Spans = [new PromptSpan("all", 0, example.Clean.Length)] })];
        using var device = new HostDevice(2);
        using var model = new Transformer(device, weights);
        var scores = Attributor.Run(model, data, new() { Method = "eap", Positions = PositionKind.Spans }).Spans!;
        var ordinary = new EdgeScores(model.Graph, scores.Values[..model.Graph.Pairs]);
        Assert.Empty(scores.Graph.CrossingEdges);
        foreach (var select in SpanSelection.Names)
        {
            foreach (var signed in (bool[])[false, true])
            {
                var (bySpan, circuit) = (SpanSelection.Select(scores, select, 40, signed), SelectionMethods.Named(select)(ordinary, 40, signed));
                Assert.Equal(circuit.Edges.Select(edge => edge.Index), bySpan.Edges.Select(edge => edge.Index));
                Assert.Equal(CircuitEvaluator.Evaluate(model, data, [circuit], new EvaluationOptions())[0].Circuit, CircuitEvaluator.Evaluate(model, data, [bySpan], new EvaluationOptions())[0].Circuit);
            }
        }
        Assert.Equal(CircuitSelection.Threshold(ordinary, 0.01, false).Edges.Select(edge => edge.Index), SpanSelection.Threshold(scores, 0.01, false).Edges.Select(edge => edge.Index));
    }

    // What a circuit of nodes leaves out is what other nodes put out at the positions of a span, and nothing else.
    [Theory]
    [InlineData("gpt2")]
    [InlineData("llama, tied, one key head, 3 layers")]
    [InlineData("norms of inputs and outputs")]
    public void CircuitsOfNodesLeaveOutTheOutputsOfOthers(string name)
    {
        using var weights = Scoring.Models[name]();
        var data = RandomSpans.AddTo(RandomExamples.Create(15, weights.Config.Vocabulary, count: 3));
        using var device = new HostDevice(2);
        using var model = new Transformer(device, weights);
        var (graph, examples) = RandomSpans.Graph(model.Graph, data);
        var (random, spans) = (new Random(5), graph.Spans.Count);
        double[] scores = [.. Enumerable.Range(0, model.Graph.Sources * spans).Select(_ => random.NextDouble() - 0.5)];
        int[] counts = [0, SpanSelection.NodesOf(graph) / 2, SpanSelection.NodesOf(graph) - 3, SpanSelection.NodesOf(graph)];
        SpanCircuit[] circuits = [.. counts.Select(count => SpanSelection.TopNodes(graph, scores, count, signed: true))];
        var results = CircuitEvaluator.Evaluate(model, data, circuits, new EvaluationOptions());
        var literal = new LiteralModel(weights);
        for (var i = 0; i < counts.Length; i++)
        {
            var kept = Enumerable.Range(spans, scores.Length - spans).OrderByDescending(place => scores[place]).Take(counts[i]).Concat(Enumerable.Range(0, spans)).ToHashSet();
            var expected = examples.Select(example =>
            {
                var corrupted = literal.Run(example.Corrupted).Outputs;
                var run = literal.Run(example.Clean, (_, node, computed) =>
                {
                    var mixed = new Value(computed.Rows, computed.Columns);
                    for (var at = 0; at < mixed.Data.Length; at++) mixed.Data[at] = (kept.Contains(node * spans + example.SpanOf![at / computed.Columns]) ? computed : corrupted[node]).Data[at];
                    return mixed;
                });
                return LiteralMetric.Evaluate(OracleMetric.LogitDiff, run.LastLogits, example, []);
            }).ToArray();
            Close.Check(expected, results[i].Circuit, 1e-4, $"{counts[i]} nodes, {name}");
        }
        Assert.True(circuits[^1].IsFull);
        // The threshold that lets in the same nodes gives the same circuit.
        var least = scores[spans..].OrderDescending().ElementAt(counts[1] - 1);
        Assert.Equal(circuits[1].Edges, SpanSelection.ThresholdNodes(graph, scores, least, signed: true).Edges);
    }

    [Fact]
    public void PruningKeepsWhatLeadsSomewhere()
    {
        var graph = new SpanGraph(new ModelGraph(2, 1), ["a", "b"]);
        SpanCircuit Of(params string[] names) => new(graph, names.Select(name => graph.TryParseEdge(name, out var edge) ? edge : throw new ArgumentException(name, nameof(names))));
        string[] path = ["input@a->a0.h0<v>@a", "a0.h0<v>@a->a0.h0@b", "a0.h0@b->a1.h0<k>@b", "a1.h0@b->logits@b"];
        Assert.Equal(4, SpanSelection.Prune(Of(path)).EdgeCount);
        // Nothing reads the value at a, and nothing feeds the head at b.
        Assert.Equal(0, SpanSelection.Prune(Of("input@a->a0.h0<v>@a", "a0.h0@b->logits@b")).EdgeCount);
        Assert.Equal(4, SpanSelection.Prune(Of([.. path, "a0.h0<v>@b->a0.h0@a", "a1.h0<k>@a->a1.h0@b", "a0.h0@a->m1@a"])).EdgeCount);
    }

    [Fact]
    public void NamesAreThoseOfOneEdgeEach()
    {
        foreach (var graph in (SpanGraph[])[new(new ModelGraph(2, 2), ["bos", "0", "1"]), new(new ModelGraph(1, 2, Parallel: true), ["x", "é \"y\"", "rest"])])
        {
            SpanEdgeId[] edges = [.. graph.AllEdges];
            Assert.Equal(graph.Edges, edges.Length);
            Assert.Equal(edges.Order(), edges);
            Assert.Equal(edges.Length, edges.Select(graph.EdgeName).Distinct().Count());
            Assert.All(edges, edge => Assert.True(graph.TryParseEdge(graph.EdgeName(edge), out var parsed) && parsed == edge && graph.IsEdge(edge)));
            Assert.All(edges, edge => Assert.True(graph.SourceOf(edge) < graph.TargetOf(edge)));
            Assert.All(edges, edge => Assert.Contains(edge, graph.InEdges(graph.TargetOf(edge))));
        }
        Assert.False(new SpanGraph(new ModelGraph(2, 2), ["bos", "0", "1"]).TryParseEdge("a0.h0<k>@1->a0.h0@0", out _));
        Assert.True(new SpanGraph(new ModelGraph(2, 2), ["x", "y"]).TryParseEdge("a0.h0<k>@y->a0.h0@x", out _));
    }

    [Fact]
    public void OtherSpansThanTheCircuitsAreRefused()
    {
        using var weights = RandomModels.Gpt2(1);
        using var device = new HostDevice(1);
        using var model = new Transformer(device, weights);
        var data = RandomSpans.AddTo(RandomExamples.Create(1, weights.Config.Vocabulary));
        string Refusal(IReadOnlyList<Example> examples, params string[] spans) =>
            Assert.Throws<InputException>(() => CircuitEvaluator.Evaluate(model, examples, [SpanCircuit.Full(new SpanGraph(model.Graph, spans))], new EvaluationOptions())).Message;
        Assert.Contains("the span \"rest\", which is none of those that were scored: a, b", Refusal(data, "a", "b"), StringComparison.Ordinal);
        Assert.Contains("the data have no span \"x\", which is one of those that were scored: a, x, b, rest", Refusal(data, "a", "x", "b", "rest"), StringComparison.Ordinal);
        var length = data[0].Clean.Length;
        Assert.Contains($"example 1 has {length} tokens and those that were scored {length + 1}: give prompts of that length", Refusal([data[0]], [.. Enumerable.Range(0, length + 1).Select(i => $"{i}")]), StringComparison.Ordinal);
        Assert.Contains("example 1 has no spans", Refusal(RandomExamples.Create(1, weights.Config.Vocabulary), "a", "b", "rest"), StringComparison.Ordinal);
    }

    private static void Compare(ModelWeights weights, Example[] data, string what, Ablation ablation = Ablation.Patching, OracleAblation oracle = OracleAblation.Patching)
    {
        using var device = new HostDevice(2);
        using var model = new Transformer(device, weights);
        var scores = Attributor.Run(model, data, new() { Method = "eap", Ablation = ablation, Positions = data[0].Spans is null ? PositionKind.Tokens : PositionKind.Spans }).Spans!;
        var examples = Positions.Apply(data, data[0].Spans is null ? PositionKind.Tokens : PositionKind.Spans, scores.Graph.Spans).Examples;
        var edges = scores.Graph.Edges;
        SpanCircuit[] circuits = [SpanSelection.Select(scores, "top", edges * 2 / 3, false), SpanSelection.Select(scores, "greedy", edges / 6, false)];
        Assert.All(circuits, circuit => Assert.Contains(circuit.Edges, edge => circuit.Graph.Of(edge).Edge is null));
        var options = new EvaluationOptions { Metric = MetricKind.LogitDifference, Ablation = ablation };
        var results = CircuitEvaluator.Evaluate(model, data, circuits, options);
        foreach (var (circuit, result) in circuits.Zip(results))
        {
            Close.Check(OracleRun.SpanCircuit(weights, examples, circuit, ablation: oracle), result.Circuit, 2e-5, what);
        }
        // Alone, and example by example, to the bit.
        Assert.Equal(results[1].Circuit, CircuitEvaluator.Evaluate(model, data, [circuits[1]], options)[0].Circuit);
        if (ablation == Ablation.Patching) Assert.Equal(results[0].Circuit, data.SelectMany(example => CircuitEvaluator.Evaluate(model, [example], [circuits[0]], options)[0].Circuit));
    }
}
