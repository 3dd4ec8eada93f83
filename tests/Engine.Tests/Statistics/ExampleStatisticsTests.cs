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

/// <summary>Quantiles, faithfulness by example, sufficiency, necessity and the verdict of stability, by numbers worked out by hand and identities.</summary>
public sealed class ExampleStatisticsTests
{
    [Fact]
    public void QuantilesAreThoseOfNumpy()
    {
        // numpy.quantile([4, 1, 3, 2], [0.05, 0.25, 0.5, 0.75, 0.95]); places 0.15, 0.75, 1.5, 2.25 and 2.85 of 0 … 3
        double[] expected = [1.15, 1.75, 2.5, 3.25, 3.85];
        Assert.All(Quantiles.Of([4, 1, double.NaN, 3, 2, double.PositiveInfinity], Quantiles.Told).Zip(expected), pair => Assert.Equal(pair.Second, pair.First, 1e-12));
        Assert.Equal<double>([1, 4, 4], Quantiles.Of([4, 1], 0, 1, 1));
        Assert.True(double.IsNaN(Assert.Single(Quantiles.Of([], 0.5))));
        Assert.Throws<ArgumentOutOfRangeException>(() => Quantiles.Of([1], 1.5));
    }

    [Fact]
    public void FaithfulnessByExampleIsTheRatioOfTheExample()
    {
        var result = new Faithfulness([1.5, 2, 3, 1], [2, 2, 3, 5], [1, 2, 4, 1]);
        Assert.Equal<double>([0.5, double.NaN, double.NaN, 0], result.PerExample); // the second does not differ, of the third clean lies below corrupted
        Assert.Equal(0.75, Assert.Single(new Faithfulness([0.25], [0], [1]) { Metric = MetricKind.KullbackLeibler }.PerExample));
        Assert.Equal(0.25, new Faithfulness([0.25], [0], [1]) { Metric = MetricKind.KullbackLeibler }.Lost);
    }

    [Fact]
    public void RandomCircuitsAreCountedWithTheCircuit()
    {
        var test = new SufficiencyTest(0.5, [0.1, 0.5, 0.9, 0.2]);
        Assert.Equal(0.625, test.Percentile); // two below and one as much: 2.5 of 4
        Assert.Equal(0.6, test.P); // (1 + 2) / (1 + 4)
        Assert.Equal(0.2, new SufficiencyTest(2, [0.1, 0.5, 0.9, 0.2]).P);
        Assert.Equal(1, new SufficiencyTest(-1, [0.1, 0.5, 0.9, 0.2]).P);
    }

    [Fact]
    public void NoRandomCircuitKeepsWhatTheKnownOneDoes()
    {
        using var device = new HostDevice(2);
        using var model = new Transformer(device, InductionModel.Create().Weights);
        var (data, known) = (InductionModel.Examples(10, 2), InductionModel.Circuit);
        var kept = CircuitEvaluator.Evaluate(model, data, [known], MetricKind.LogitDifference)[0].Normalised;
        var test = SufficiencyTest.Run(model, data, known, kept, new(), count: 19, seed: 1);
        Assert.Equal(0.05, test.P);
        Assert.Equal(1, test.Percentile);
        var one = CircuitEvaluator.Evaluate(model, data, [RandomCircuits.Sample(known.Graph, known.EdgeCount, 4)], MetricKind.LogitDifference)[0];
        Assert.Equal(one.Normalised, test.Random[3]);
        // One that random circuits do as well as is no better than they are.
        var drawn = RandomCircuits.Sample(known.Graph, known.EdgeCount, 1);
        Assert.True(SufficiencyTest.Run(model, data, drawn, test.Random[0], new(), count: 19, seed: 1).P > 0.05);
    }

    [Fact]
    public void TheFullCircuitIsWhollyNecessaryAndTheEmptyOneNotAtAll()
    {
        using var device = new HostDevice(2);
        using var weights = RandomModels.Gpt2(1);
        using var model = new Transformer(device, weights);
        var data = RandomExamples.Create(11, weights.Config.Vocabulary);
        var some = RandomCircuits.Sample(model.Graph, 40, 3);
        Assert.Equal(model.Graph.AllEdges.Except(some.Edges), some.Complement().Edges);
        var results = CircuitEvaluator.Evaluate(model, data, [Circuit.Full(model.Graph).Complement(), Circuit.Empty(model.Graph).Complement(), some.Complement()], MetricKind.LogitDifference);
        Assert.Equal(results[0].Corrupted, results[0].Circuit);
        Assert.Equal(results[1].Clean, results[1].Circuit);
        var (expected, _, _) = OracleRun.Circuit(weights, data, some.Complement());
        Close.Check(expected, results[2].Circuit, 2e-5, "the model without some edges");
        Assert.Throws<InvalidOperationException>(() => some.Carrying(new NeuronSet(model.Graph, weights.Config.Width, [0])).Complement());
    }

    [Theory]
    [InlineData(0.8, 100, StabilityVerdict.Stable)]
    [InlineData(0.79, 100, StabilityVerdict.NotStable)]
    [InlineData(1, 99, StabilityVerdict.TooFewExamples)]
    public void Verdicts(double jaccard, int examples, StabilityVerdict verdict) => Assert.Equal(verdict, StabilityVerdicts.Of(jaccard, examples));
}
