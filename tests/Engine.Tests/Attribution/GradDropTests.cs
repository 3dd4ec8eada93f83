using Faith.Engine.Attribution;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Passes;
using Faith.Engine.Tests.Oracle;
using Faith.Kernels.Host;
using Xunit;

namespace Faith.Engine.Tests.Attribution;

/// <summary>EAP with GradDrop against the literal float64 oracle, and what it must share with EAP.</summary>
public class GradDropTests
{
    private const string OneLayer = "gpt2, one layer";
    private static readonly AttributionOptions Options = new() { Method = "eap-graddrop" };

    public static TheoryData<string> ModelNames() => [.. Scoring.Models.Keys.Where(name => name != OneLayer)];

    [Theory, MemberData(nameof(ModelNames))]
    public void AgreesWithTheOracleAtEveryLevel(string name)
    {
        var result = Scoring.CompareAtEveryLevel(name, Options, OracleMethod.GradDrop);
        using var weights = Scoring.Models[name]();
        var data = RandomExamples.Create(11, weights.Config.Vocabulary);
        var nodes = Scoring.Run(weights, data, Options with { Level = ScoreLevel.Node });
        Assert.Equal(result.NodeScores, nodes.NodeScores);
        Assert.Null(nodes.NeuronScores);
        Assert.Null(result.CompletenessGap);
    }

    [Fact]
    public void AgreesWithTheOracleUnderAblations() =>
        Scoring.CompareUnderAblations(Options, OracleMethod.GradDrop, "gpt2, parallel blocks", "llama, tied, one key head, 3 layers");

    [Fact]
    public void AgreesWithTheOracleUnderAnotherMetric()
    {
        using var weights = RandomModels.Llama(32);
        var data = RandomExamples.Create(33, weights.Config.Vocabulary);
        Scoring.Compare(weights, data, Options with { Metric = MetricKind.ProbabilityDifference }, OracleMethod.GradDrop, metric: OracleMetric.ProbDiff);
    }

    // No layer stands between the last layer's inputs or the logits and the loss, so nothing changes there but the sign; before, it does.
    [Fact]
    public void WhereNoLayerFollowsItIsTheMagnitudeOfEap()
    {
        using var weights = RandomModels.Create(RandomModels.Gpt2Config(layers: 2), 7);
        var data = RandomExamples.Create(8, weights.Config.Vocabulary, count: 1);
        var (drop, eap) = (Scoring.Run(weights, data, Options).Scores, Scoring.Scores(weights, data, new() { Method = "eap" }));
        var graph = drop.Graph;
        foreach (var edge in Circuit.Full(graph).Edges)
        {
            var column = edge % graph.Columns;
            var isLast = column == graph.LogitsColumn || graph.DestinationOf(new(column)).Layer == graph.Layers - 1;
            Assert.Equal(isLast, Math.Abs(eap[edge]) == drop.Values[edge]);
        }
    }

    [Fact]
    public void TheCleanRunIsRunOnce()
    {
        using var weights = RandomModels.Create(RandomModels.LlamaConfig(layers: 3), 6);
        var data = RandomExamples.Create(9, weights.Config.Vocabulary);
        using var device = new HostDevice(1);
        using var model = new Transformer(device, weights);
        long Flops(string method)
        {
            var before = device.MatrixFlops;
            Attributor.Run(model, data, new() { Method = method });
            return device.MatrixFlops - before;
        }
        // Beside the two forward passes that EAP has, three backward passes and contractions for one: 3 − 4·(a forward pass) / EAP, about 2.
        Assert.InRange(Flops("eap-graddrop") / (double)Flops("eap"), 1.8, 2.25);
    }

    [Fact]
    public void ScoresHaveTheSameBitsForAnyThreadsMicroBatchAndOrder()
    {
        foreach (var weights in new[] { RandomModels.Gpt2(61), RandomModels.Llama(62) })
        {
            var data = RandomExamples.Create(63, weights.Config.Vocabulary, count: 7);
            Scoring.CheckBits(weights, data, Options);
            var options = Options with { Level = ScoreLevel.Neuron };
            var (one, other) = (Scoring.Run(weights, data, options, threads: 1), Scoring.Run(weights, [.. data.Reverse()], options with { MemoryBytes = 1 << 20 }, threads: 3));
            Assert.Equal(one.NodeScores, other.NodeScores);
            Assert.Equal(one.NeuronScores, other.NeuronScores);
        }
    }

    [Fact]
    public void OfOneLayerItIsRefused()
    {
        using var weights = Scoring.Models[OneLayer]();
        var thrown = Assert.Throws<InputException>(() => Scoring.Scores(weights, RandomExamples.Create(1, weights.Config.Vocabulary), Options));
        Assert.Contains("--method eap", thrown.Message, StringComparison.Ordinal);
    }
}
