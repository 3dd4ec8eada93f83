using Faith.Engine.Ablations;
using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Tests.Oracle;
using Xunit;

namespace Faith.Engine.Tests.Attribution;

/// <summary>Exact patching, whose trials start in the middle of the model, against the oracle's whole runs.</summary>
public class ExactTests
{
    public static TheoryData<string> ModelNames() => Scoring.ModelNames();

    [Theory, MemberData(nameof(ModelNames))]
    public void AgreesWithTheOracle(string name)
    {
        using var weights = Scoring.Models[name]();
        var data = RandomExamples.Create(11, weights.Config.Vocabulary);
        Scoring.Compare(weights, data, new() { Method = "exact" }, OracleMethod.Exact);
    }

    [Theory]
    [InlineData(MetricKind.ProbabilityDifference, OracleMetric.ProbDiff, Ablation.Patching, OracleAblation.Patching)]
    [InlineData(MetricKind.LogProbability, OracleMetric.LogProb, Ablation.Patching, OracleAblation.Patching)]
    [InlineData(MetricKind.KullbackLeibler, OracleMetric.Kl, Ablation.Patching, OracleAblation.Patching)]
    [InlineData(MetricKind.LogitDifference, OracleMetric.LogitDiff, Ablation.Zero, OracleAblation.Zero)]
    [InlineData(MetricKind.LogitDifference, OracleMetric.LogitDiff, Ablation.Mean, OracleAblation.Mean)]
    [InlineData(MetricKind.LogitDifference, OracleMetric.LogitDiff, Ablation.MeanPositional, OracleAblation.MeanPositional)]
    public void EveryMetricAndAblationAgreesWithTheOracle(MetricKind metric, OracleMetric oracleMetric, Ablation ablation, OracleAblation oracleAblation)
    {
        foreach (var weights in new[] { RandomModels.Gpt2(21), RandomModels.Llama(22) })
        {
            var data = RandomExamples.Create(23, weights.Config.Vocabulary);
            Scoring.Compare(weights, data, new() { Method = "exact", Metric = metric, Ablation = ablation }, OracleMethod.Exact, null, oracleMetric, oracleAblation);
        }
    }

    [Fact]
    public void ScoresHaveTheSameBitsForAnyThreadsMicroBatchAndOrder()
    {
        foreach (var weights in new[] { RandomModels.Gpt2(31), RandomModels.Llama(32), Scoring.Models["longrope, some prompts long"]() })
        {
            Scoring.CheckBits(weights, RandomExamples.Create(33, weights.Config.Vocabulary, count: 7), new() { Method = "exact" });
        }
    }

    [Fact]
    public void OnlyTheEdgesAskedForAreTried()
    {
        using var weights = RandomModels.Gpt2(41);
        var data = RandomExamples.Create(42, weights.Config.Vocabulary);
        var all = Scoring.Run(weights, data, new() { Method = "exact" });
        var top = CircuitSelection.Top(all.Scores, 9, signed: false, prune: false).Edges.ToArray();
        var some = Scoring.Run(weights, data, new() { Method = "exact", OnlyEdges = top });
        Assert.Equal(all.Scores.Values.Select((score, e) => top.Contains(new EdgeId(e)) ? score : 0), some.Scores.Values);
        Assert.True(all.TrialsPerSecond > 0);
    }

    [Fact]
    public void ANodeScoresWhatTheCircuitWithoutItLoses()
    {
        foreach (var weights in new[] { RandomModels.Gpt2(51), RandomModels.Llama(52) })
        {
            var data = RandomExamples.Create(53, weights.Config.Vocabulary);
            var result = Scoring.Run(weights, data, new() { Method = "exact", Level = ScoreLevel.Node });
            var graph = result.Scores.Graph;
            var expected = Enumerable.Range(0, graph.Sources).Select(u =>
            {
                var without = new Circuit(graph, Circuit.Full(graph).Edges.Where(e => e / graph.Columns != u));
                var (circuit, clean, _) = OracleRun.Circuit(weights, data, without);
                return clean.Average() - circuit.Average();
            }).ToArray();
            Close.Check(expected, result.NodeScores!, 1e-5, "nodes");
            Assert.False(result.HasEdgeScores);
            Assert.Throws<InputException>(() => Scoring.Run(weights, data, new() { Method = "exact", Level = ScoreLevel.Node, OnlyEdges = [new(0)] }));
        }
    }

    [Theory]
    [InlineData(Ablation.Patching)]
    [InlineData(Ablation.MeanPositional)]
    public void ANeuronScoresWhatTheModelWithoutItLoses(Ablation ablation)
    {
        foreach (var weights in new[] { RandomModels.Gpt2(61), RandomModels.Llama(62) })
        {
            var data = RandomExamples.Create(63, weights.Config.Vocabulary);
            var options = new AttributionOptions { Method = "exact", Level = ScoreLevel.Neuron, Ablation = ablation };
            var result = Scoring.Run(weights, data, options);
            var (graph, width) = (result.Scores.Graph, weights.Config.Width);
            Assert.Equal(graph.Sources * width, result.NeuronScores!.Length);
            Assert.Equal(Scoring.Run(weights, data, options with { Level = ScoreLevel.Node }).NodeScores, result.NodeScores);
            // Every seventh of them: the oracle is slow.
            int[] some = [.. Enumerable.Range(0, result.NeuronScores.Length).Where(n => n % 7 == 3)];
            var expected = some.Select(neuron =>
            {
                var without = new Circuit(graph, Circuit.Full(graph).Edges, new NeuronSet(graph, width, Enumerable.Range(0, graph.Sources * width).Where(n => n != neuron)));
                var (circuit, clean, _) = OracleRun.Circuit(weights, data, without, ablation: ablation == Ablation.Patching ? OracleAblation.Patching : OracleAblation.MeanPositional);
                return clean.Average() - circuit.Average();
            }).ToArray();
            Assert.Contains(expected, score => Math.Abs(score) > 1e-3);
            Close.Check(expected, [.. some.Select(n => result.NeuronScores[n])], 1e-5, "neurons");
        }
    }
}
