using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Graphs;
using Faith.Engine.KnownCircuits;
using Faith.Engine.Metrics;
using Faith.Engine.Passes;
using Faith.Engine.Statistics;
using Faith.Engine.Tests.Oracle;
using Faith.Kernels.Host;
using Xunit;

namespace Faith.Engine.Tests.Statistics;

/// <summary>Scores by example, and what a study makes of them.</summary>
public sealed class StabilityStudyTests
{
    [Theory]
    [InlineData("eap", 2)]
    [InlineData("eap-ig", 2)]
    [InlineData("eap-ig-activations", 1)]
    [InlineData("exact", 1)]
    [InlineData("ifr", 1)]
    public void ScoresByExampleAreThoseOfTheExampleAloneAndTheirMeanIsTheScore(string method, int steps)
    {
        using var weights = RandomModels.Gpt2(1);
        var data = RandomExamples.Create(2, weights.Config.Vocabulary);
        using var device = new HostDevice(2);
        using var model = new Transformer(device, weights);
        var kept = new ExampleScores(model.Graph, data.Length);
        var options = new AttributionOptions { Method = method, Steps = steps };
        var scores = Attributor.Run(model, data, options with { Sink = kept }).Scores;
        Close.Check(scores.Values, kept.Means([.. data.Select(_ => 1)]).Values, 1e-12, method);
        for (var e = 0; e < data.Length; e++)
        {
            var alone = Attributor.Run(model, [data[e]], options).Scores;
            for (var i = 0; i < kept.Edges.Count; i++) Assert.Equal(alone.Values[kept.Edges[i]], kept.Of(e)[i]);
        }
    }

    [Fact]
    public void MethodsWithoutScoresByExampleRefuse()
    {
        using var device = new HostDevice(2);
        using var model = new Transformer(device, InductionModel.Create().Weights);
        var data = InductionModel.Examples(2, 0);
        var sink = new ExampleScores(model.Graph, 2);
        Assert.Throws<InputException>(() => Attributor.Run(model, data, new() { Method = "acdc", Sink = sink }));
        Assert.Throws<InputException>(() => Attributor.Run(model, data, new() { Method = "exact", Level = ScoreLevel.Node, Sink = sink }));
        Assert.Throws<InputException>(() => StabilityStudy.Run(model, [data[0]], new(), new() { Sizes = [3] }));
    }

    [Fact]
    public void AKnownCircuitIsStableAndItsBaselinesAreNot()
    {
        using var device = new HostDevice(2);
        using var model = new Transformer(device, InductionModel.Create().Weights);
        var known = InductionModel.Circuit;
        var result = StabilityStudy.Run(model, InductionModel.Examples(20, 1), new() { Method = "exact" },
            new() { Sizes = [known.EdgeCount, 12], Resamples = 50, Shuffles = 2, RandomCircuits = 4 });
        var size = result.Sizes[0];
        Assert.Equal(known.Edges, size.Circuit.Edges);
        Assert.Equal(1, size.Jaccard);
        Assert.Equal(1, size.Faithfulness.Normalised, 1e-3);
        Assert.InRange(size.Faithfulness.Normalised, size.FaithfulnessInterval.Low - 1e-9, size.FaithfulnessInterval.High + 1e-9);
        Assert.True(size.Random!.Value.Faithfulness < 0.5);
        Assert.NotNull(size.Shuffled);
        foreach (var edge in result.Edges)
        {
            Assert.InRange(edge.Score, edge.Interval.Low - 1e-9, edge.Interval.High + 1e-9);
            if (known.Contains(edge.Edge)) Assert.Equal(1, edge.Selected[0]);
            // The larger circuit contains the smaller one.
            Assert.True(edge.Selected[1] >= edge.Selected[0]);
        }
    }

    // The study once more, from what it is made of: the scores of every example, the resamples and the selection.
    [Fact]
    public void AStudyIsWhatItsResamplesGive()
    {
        using var weights = RandomModels.Gpt2(21);
        var data = RandomExamples.Create(22, weights.Config.Vocabulary, count: 6);
        using var device = new HostDevice(2);
        using var model = new Transformer(device, weights);
        var options = new StabilityOptions { Sizes = [8, 30], Resamples = 40, Confidence = 0.9, Seed = 5, RandomCircuits = 0, Shuffles = 0 };
        var result = StabilityStudy.Run(model, data, new() { Method = "eap" }, options);

        var graph = model.Graph;
        var alone = data.Select(example => Attributor.Run(model, [example], new() { Method = "eap" }).Scores.Values).ToArray();
        var bootstrap = new Bootstrap(data.Length, options.Resamples, options.Seed);
        double[] Mean(ReadOnlySpan<int> counts)
        {
            var mean = new double[alone[0].Length];
            for (var e = 0; e < counts.Length; e++)
            {
                for (var i = 0; i < mean.Length; i++) mean[i] += counts[e] * alone[e][i] / data.Length;
            }
            return mean;
        }
        var resampled = Enumerable.Range(0, options.Resamples).Select(r => Mean(bootstrap[r])).ToArray();
        var shares = new double[alone[0].Length];
        for (var s = 0; s < options.Sizes.Count; s++)
        {
            var tops = resampled.Select(scores => CircuitSelection.Top(new EdgeScores(graph, scores), options.Sizes[s], signed: false, prune: false)).ToArray();
            var overlaps = tops.Select(top => CircuitComparison.Edges(Pruning.Prune(top), result.Sizes[s].Circuit).Jaccard).ToArray();
            Assert.Equal(overlaps.Average(), result.Sizes[s].Jaccard, 12);
            Assert.InRange(overlaps.Average(), 0.05, 0.95); // else it would show little
            var interval = Interval.Of(overlaps, options.Confidence);
            Assert.Equal((interval.Low, interval.High), (result.Sizes[s].JaccardInterval.Low, result.Sizes[s].JaccardInterval.High));
            foreach (var edge in result.Edges.Concat(result.NearMisses)) Assert.Equal(tops.Average(top => top.Contains(edge.Edge) ? 1.0 : 0), edge.Selected[s], 12);
            foreach (var edge in tops.SelectMany(top => top.Edges)) shares[edge] = Math.Max(shares[edge], tops.Average(top => top.Contains(edge) ? 1.0 : 0));
        }
        Assert.Equal(CircuitSelection.Top(result.Attribution.Scores, 30, signed: false, prune: false).Edges, result.Edges.Select(edge => edge.Edge).Order());
        var misses = graph.AllEdges.Where(e => shares[e] >= 0.05).Except(result.Edges.Select(edge => edge.Edge)).ToArray();
        Assert.NotEmpty(misses);
        Assert.Equal(misses, result.NearMisses.Select(edge => edge.Edge).Order());
        Assert.Equal(result.NearMisses.Select(e => e.Selected[1]).OrderDescending(), result.NearMisses.Select(e => e.Selected[1]));
        foreach (var edge in result.Edges.Concat(result.NearMisses))
        {
            var interval = Interval.Of(resampled.Select(scores => scores[edge.Edge]), options.Confidence);
            Assert.Equal(interval.Low, edge.Interval.Low, 9);
            Assert.Equal(interval.High, edge.Interval.High, 9);
            Assert.True(interval.High > interval.Low);
        }
    }

    [Fact]
    public void AStudyIsTheSameForASeedAndShufflesNothingThatLabelsDoNotEnter()
    {
        using var weights = RandomModels.Gpt2(11);
        var data = RandomExamples.Create(12, weights.Config.Vocabulary);
        using var device = new HostDevice(2);
        using var model = new Transformer(device, weights);
        var options = new StabilityOptions { Sizes = [20, 60], Resamples = 30, Select = CircuitSelection.Greedy, Seed = 9 };
        var (a, b) = (StabilityStudy.Run(model, data, new() { Method = "eap" }, options), StabilityStudy.Run(model, data, new() { Method = "eap" }, options));
        Assert.Equal(a.Edges.Select(e => (e.Edge, e.Score, e.Interval)), b.Edges.Select(e => (e.Edge, e.Score, e.Interval)));
        Assert.Equal(a.Sizes.Select(s => (s.Jaccard, s.FaithfulnessInterval, s.Random, s.Shuffled)), b.Sizes.Select(s => (s.Jaccard, s.FaithfulnessInterval, s.Random, s.Shuffled)));
        Assert.All(a.Sizes, s => Assert.NotNull(s.Shuffled));
        var divergence = StabilityStudy.Run(model, data, new() { Metric = MetricKind.KullbackLeibler, Steps = 2 }, options);
        Assert.All(divergence.Sizes, s => Assert.Null(s.Shuffled));
    }
}
