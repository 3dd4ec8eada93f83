using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Models;
using Faith.Engine.Passes;
using Faith.Engine.Tests.Attribution;
using Faith.Engine.Tests.Oracle;
using Faith.Kernels.Host;
using Xunit;

namespace Faith.Engine.Tests.Circuits;

/// <summary>Circuit evaluation against the literal definition, and its two fixed points.</summary>
public class CircuitEvaluatorTests
{
    public static TheoryData<string> ModelNames() => [.. Models.Keys];

    private static readonly Dictionary<string, Func<ModelWeights>> Models = new()
    {
        ["gpt2"] = () => RandomModels.Gpt2(1),
        ["gpt2, 3 layers, narrow"] = () => RandomModels.Create(RandomModels.Gpt2Config(layers: 3, heads: 3, headDim: 5, mlpWidth: 17, width: 19), 2),
        ["gpt2, parallel blocks"] = () => RandomModels.Create(RandomModels.Gpt2Config(layers: 2) with { ParallelBlocks = true }, 4),
        ["llama"] = () => RandomModels.Llama(5),
        ["rotary by layer"] = Scoring.Models["rotary by layer: linear, none, interleaved"],
        ["norms of queries and keys"] = Scoring.Models["norms of queries and keys"],
        ["norms of queries and keys, centred, not rotated"] = Scoring.Models["norms of queries and keys, centred, not rotated"],
        ["norms of queries and keys, every head its own"] = Scoring.Models["norms of queries and keys, every head its own, centred, shared keys"],
        ["positions in attention"] = Scoring.Models["positions in attention"],
        ["positions in attention, shared keys, norms of every head"] = Scoring.Models["positions in attention, shared keys, norms of every head"],
        ["biases of scores, shared keys"] = Scoring.Models["biases of scores, shared keys"],
        ["biases of scores, parallel"] = Scoring.Models["biases of scores, parallel"],
        ["longrope"] = Scoring.Models["longrope, some prompts long"],
        ["qwen2"] = () => RandomModels.Qwen2(9),
        ["windows"] = Scoring.Models["windows"],
        ["soft caps, windows, biased logits"] = Scoring.CappedModel,
        ["norms of inputs and outputs"] = Scoring.Models["norms of inputs and outputs"],
        ["queries and keys of all heads normed together"] = Scoring.Models["queries and keys of all heads normed together"],
        ["queries and keys of all heads normed together, centred"] = Scoring.Models["queries and keys of all heads normed together, centred"],
        ["norms of outputs alone"] = Scoring.Models["norms of outputs alone"],
        ["norms of outputs, parallel, LayerNorm"] = Scoring.Models["norms of outputs, parallel, LayerNorm"],
    };

    [Theory, MemberData(nameof(ModelNames))]
    public void CircuitsScoreAsTheirDefinitionSays(string name)
    {
        using var weights = Models[name]();
        var data = RandomExamples.Create(11, weights.Config.Vocabulary);
        var graph = new ModelGraph(weights.Config.Layers, weights.Config.Heads, weights.Config.ParallelBlocks);
        var all = Circuit.Full(graph).Edges.ToArray();
        var random = new Random(12);
        var circuits = new[] { 0.1, 0.3, 0.6, 0.9 }.Select(share => new Circuit(graph, all.Where(_ => random.NextDouble() < share))).ToArray();
        foreach (var (metric, oracleMetric) in new[] { (MetricKind.LogitDifference, OracleMetric.LogitDiff), (MetricKind.KullbackLeibler, OracleMetric.Kl), (MetricKind.ProbabilityDifference, OracleMetric.ProbDiff), (MetricKind.LogProbability, OracleMetric.LogProb) })
        {
            var results = Evaluate(weights, data, circuits, metric);
            for (var i = 0; i < circuits.Length; i++)
            {
                var (circuit, clean, corrupted) = OracleRun.Circuit(weights, data, circuits[i], oracleMetric);
                Close.Check(circuit, results[i].Circuit, 2e-5, $"circuit {i}, {metric}");
                Close.Check(corrupted, results[i].Corrupted, 2e-5, $"corrupted, {metric}");
                if (metric != MetricKind.KullbackLeibler) Close.Check(clean, results[i].Clean, 2e-5, $"clean, {metric}");
            }
        }
    }

    [Fact]
    public void AnAnswerThatIsGivenTwiceCountsTwice()
    {
        using var weights = RandomModels.Gpt2(5);
        Example[] data = [new([1, 2, 3], [1, 4, 3], [5, 6, 5], []), new([1, 2], [4, 2], [7], [])];
        var result = Evaluate(weights, data, [Circuit.Empty(new(weights.Config.Layers, weights.Config.Heads, weights.Config.ParallelBlocks))], MetricKind.LogProbability)[0];
        var model = new LiteralModel(weights);
        for (var e = 0; e < data.Length; e++)
        {
            var logits = model.Run(data[e].Clean).LastLogits;
            var total = Math.Log(logits.Sum(Math.Exp));
            Assert.Equal(data[e].Answers.Average(token => logits[token] - total), result.Clean[e], 1e-5);
        }
    }

    [Theory, MemberData(nameof(ModelNames))]
    public void TheFullCircuitIsTheCleanRunAndTheEmptyOneTheCorruptedRun(string name)
    {
        using var weights = Models[name]();
        var data = RandomExamples.Create(21, weights.Config.Vocabulary);
        var graph = new ModelGraph(weights.Config.Layers, weights.Config.Heads, weights.Config.ParallelBlocks);
        // All but one edge, from the input to the first query: computed the long way, and nearly the clean run.
        var almost = new Circuit(graph, Circuit.Full(graph).Edges.Skip(1));
        var results = Evaluate(weights, data, [Circuit.Full(graph), Circuit.Empty(graph), almost], MetricKind.LogitDifference);
        Assert.Equal(results[0].Clean, results[0].Circuit);
        var (expected, _, _) = OracleRun.Circuit(weights, data, almost);
        Close.Check(expected, results[2].Circuit, 1e-5, "all but one edge");
        Assert.Equal(results[1].Corrupted, results[1].Circuit);
        // Of random models some score lower on clean prompts; then there is nothing to keep.
        Assert.Equal(results[1].CleanMean > results[1].CorruptedMean ? 0 : double.NaN, results[1].Normalised);
    }

    [Fact]
    public void ResultsHaveTheSameBitsForAnyThreads()
    {
        using var weights = RandomModels.Gpt2(31);
        var data = RandomExamples.Create(32, weights.Config.Vocabulary);
        var graph = new ModelGraph(weights.Config.Layers, weights.Config.Heads);
        var circuits = new[] { Circuit.Full(graph), new Circuit(graph, Circuit.Full(graph).Edges.Where(e => e % 3 == 0)) };
        var expected = Evaluate(weights, data, circuits, MetricKind.LogitDifference, 1).Select(f => f.Circuit).ToArray();
        Assert.Equal(expected, Evaluate(weights, data, circuits, MetricKind.LogitDifference, 3).Select(f => f.Circuit).ToArray());
        Assert.Equal(expected[1][2], Evaluate(weights, [data[2]], circuits, MetricKind.LogitDifference)[1].Circuit[0]);
    }

    // A product over more rows of W than a block holds is summed in parts: what a run keeps besides must not change where the stream is added.
    [Fact]
    public void TheCleanRunHasTheSameBitsWhateverIsKeptOfIt()
    {
        using var weights = RandomModels.Create(RandomModels.Gpt2Config(mlpWidth: 1700), 41);
        var data = RandomExamples.Create(42, weights.Config.Vocabulary);
        using var device = new HostDevice(2);
        using var model = new Transformer(device, weights);
        var scored = Attributor.Run(model, data, new() { Method = "eap" });
        var evaluated = CircuitEvaluator.Evaluate(model, data, [Circuit.Empty(model.Graph)], MetricKind.LogitDifference)[0];
        Assert.Equal(scored.Clean, evaluated.Clean);
        Assert.Equal(scored.Corrupted, evaluated.Corrupted);
    }

    private static IReadOnlyList<Faithfulness> Evaluate(ModelWeights weights, IReadOnlyList<Example> data, IReadOnlyList<Circuit> circuits, MetricKind metric, int threads = 2)
    {
        using var device = new HostDevice(threads);
        using var model = new Transformer(device, weights);
        return CircuitEvaluator.Evaluate(model, data, circuits, metric);
    }
}
