using Faith.Engine.Ablations;
using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Models;
using Faith.Engine.Passes;
using Faith.Engine.Tests.Oracle;
using Faith.Kernels.Host;
using Xunit;

namespace Faith.Engine.Tests.Attribution;

/// <summary>Zero and mean ablation of path methods and circuits against the oracle.</summary>
public class AblationTests
{
    public static readonly TheoryData<Ablation, OracleAblation> Ablations = new()
    {
        { Ablation.Patching, OracleAblation.Patching },
        { Ablation.Zero, OracleAblation.Zero },
        { Ablation.Mean, OracleAblation.Mean },
        { Ablation.MeanPositional, OracleAblation.MeanPositional },
    };

    private static readonly string[] ModelNames = ["gpt2, 3 layers, untied, narrow", "gpt2, one layer", "gpt2, parallel blocks", "llama", "llama, tied, one key head, 3 layers", "norms of inputs and outputs", "norms of outputs, parallel, LayerNorm", "queries and keys of all heads normed together"];

    [Theory, MemberData(nameof(Ablations))]
    public void PathMethodsAgreeWithTheOracle(Ablation ablation, OracleAblation oracleAblation)
    {
        foreach (var name in ModelNames)
        {
            using var weights = Scoring.Models[name]();
            var data = RandomExamples.Create(11, weights.Config.Vocabulary);
            Scoring.Compare(weights, data, new() { Method = "eap", Ablation = ablation }, OracleMethod.Eap, ablation: oracleAblation);
            Scoring.Compare(weights, data, new() { Method = "eap-ig", Ablation = ablation }, OracleMethod.EapIg, ablation: oracleAblation);
            Scoring.Compare(weights, data, new() { Method = "clean-corrupted", Ablation = ablation }, OracleMethod.CleanCorrupted, ablation: oracleAblation);
        }
    }

    [Theory]
    [InlineData(Ablation.Mean, OracleAblation.Mean)]
    [InlineData(Ablation.MeanPositional, OracleAblation.MeanPositional)]
    public void MeansCanComeFromOtherData(Ablation ablation, OracleAblation oracleAblation)
    {
        using var weights = RandomModels.Llama(21);
        var data = RandomExamples.Create(22, weights.Config.Vocabulary, longest: 7);
        var other = RandomExamples.Create(23, weights.Config.Vocabulary, count: 5, longest: 9);
        Scoring.Compare(weights, data, new() { Ablation = ablation, AblationData = other }, OracleMethod.EapIg, ablation: oracleAblation);
        var circuit = Circuits(weights, 24, 0.5)[0];
        var expected = OracleRun.Circuit(weights, data, circuit, ablation: oracleAblation, ablationExamples: other).Circuit;
        Close.Check(expected, Evaluate(weights, data, [circuit], new() { Ablation = ablation, AblationData = other })[0].Circuit, 2e-5, "circuit");
    }

    [Fact]
    public void PositionsBeyondEveryPromptTakeTheMeanOverAllPositions()
    {
        using var weights = RandomModels.Gpt2(31);
        var data = RandomExamples.DifferingAt(32, weights.Config.Vocabulary, count: 3, length: 5, 2);
        // The prompts that means are taken over have one position: all positions beyond it take the mean over all positions, which is the same.
        var other = RandomExamples.Create(33, weights.Config.Vocabulary).Select(e => new Example(e.Clean[..1], e.Corrupted[..1], e.Answers, e.Distractors)).ToArray();
        Assert.Equal(Scoring.Scores(weights, data, new() { Ablation = Ablation.Mean, AblationData = other }),
            Scoring.Scores(weights, data, new() { Ablation = Ablation.MeanPositional, AblationData = other }));
    }

    [Fact]
    public void PatchingCanTakeTheCorruptedPromptsOfOtherData()
    {
        using var weights = RandomModels.Gpt2(41);
        var data = RandomExamples.DifferingAt(42, weights.Config.Vocabulary, count: 4, length: 6, 1, 4);
        var other = RandomExamples.DifferingAt(43, weights.Config.Vocabulary, count: 4, length: 6, 2);
        var joined = data.Zip(other, (d, o) => d with { Corrupted = o.Corrupted }).ToArray();
        Assert.Equal(Scoring.Scores(weights, joined, new()), Scoring.Scores(weights, data, new() { AblationData = other }));
        var circuit = Circuits(weights, 44, 0.5)[0];
        var (expected, _, corrupted) = OracleRun.Circuit(weights, joined, circuit);
        var result = Evaluate(weights, data, [circuit], new() { AblationData = other })[0];
        Close.Check([.. expected, .. corrupted], [.. result.Circuit, .. result.Corrupted], 2e-5, "circuit");
        var fewer = Assert.Throws<InputException>(() => Scoring.Scores(weights, data, new() { AblationData = other[..3] }));
        Assert.Contains("3 for 4", fewer.Message, StringComparison.Ordinal);
        var shorter = other.Select(e => new Example(e.Clean[1..], e.Corrupted[1..], e.Answers, e.Distractors)).ToArray();
        var different = Assert.Throws<InputException>(() => Scoring.Scores(weights, data, new() { AblationData = shorter }));
        Assert.Contains("5 tokens", different.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ScoresHaveTheSameBitsForAnyThreadsMicroBatchAndOrder()
    {
        foreach (var ablation in new[] { Ablation.Zero, Ablation.MeanPositional })
        {
            using var weights = RandomModels.Llama(51);
            var data = RandomExamples.Create(52, weights.Config.Vocabulary, count: 7);
            // A mean depends on the order in which its terms are added: given apart, it stays the same when the examples are turned round.
            Scoring.CheckBits(weights, data, new() { Ablation = ablation, AblationData = data });
        }
    }

    [Theory, MemberData(nameof(Ablations))]
    public void CircuitsScoreAsTheirDefinitionSays(Ablation ablation, OracleAblation oracleAblation)
    {
        foreach (var name in ModelNames)
        {
            using var weights = Scoring.Models[name]();
            var data = RandomExamples.Create(61, weights.Config.Vocabulary);
            var circuits = Circuits(weights, 62, 0.1, 0.4, 0.8, 1, 0);
            foreach (var (metric, oracleMetric) in new[] { (MetricKind.LogitDifference, OracleMetric.LogitDiff), (MetricKind.ProbabilityDifference, OracleMetric.ProbDiff), (MetricKind.LogProbability, OracleMetric.LogProb) })
            {
                var results = Evaluate(weights, data, circuits, new EvaluationOptions { Metric = metric, Ablation = ablation });
                for (var i = 0; i < circuits.Length; i++)
                {
                    var expected = OracleRun.Circuit(weights, data, circuits[i], oracleMetric, oracleAblation).Circuit;
                    // Beside the clean values, because where everything is zero so is every logit.
                    Close.Check([.. expected, .. results[i].Clean], [.. results[i].Circuit, .. results[i].Clean], 2e-5, $"{name}, circuit {i}, {metric}");
                }
                Close.Check(results[3].Clean, results[3].Circuit, 1e-5, "full");
                Assert.Equal(results[4].Corrupted, results[4].Circuit);
            }
        }
    }

    [Fact]
    public void NamesAreThoseOfTheCommandLine()
    {
        Assert.Equal(["patching", "zero", "mean", "mean-positional"], AblationNames.All);
        foreach (var name in AblationNames.All) Assert.Equal(name, AblationNames.Parse(name).Name());
        Assert.Contains("mean-positional", Assert.Throws<InputException>(() => AblationNames.Parse("median")).Message, StringComparison.Ordinal);
        Assert.Equal(["edge", "node", "neuron"], ScoreLevels.Names);
        foreach (var name in ScoreLevels.Names) Assert.Equal(name, ScoreLevels.Parse(name).Name());
        Assert.Throws<InputException>(() => ScoreLevels.Parse("layer"));
    }

    /// <summary>Circuits of shares of the edges, drawn at random.</summary>
    private static Circuit[] Circuits(ModelWeights weights, int seed, params double[] shares)
    {
        var graph = new ModelGraph(weights.Config.Layers, weights.Config.Heads, weights.Config.ParallelBlocks);
        var all = Circuit.Full(graph).Edges.ToArray();
        var random = new Random(seed);
        return [.. shares.Select(share => new Circuit(graph, all.Where(_ => random.NextDouble() < share)))];
    }

    private static IReadOnlyList<Faithfulness> Evaluate(ModelWeights weights, IReadOnlyList<Example> data, IReadOnlyList<Circuit> circuits, EvaluationOptions options)
    {
        using var device = new HostDevice(2);
        using var model = new Transformer(device, weights);
        return CircuitEvaluator.Evaluate(model, data, circuits, options);
    }
}
