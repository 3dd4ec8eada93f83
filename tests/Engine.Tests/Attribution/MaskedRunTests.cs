using Faith.Engine.Ablations;
using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.KnownCircuits;
using Faith.Engine.Masks;
using Faith.Engine.Metrics;
using Faith.Engine.Models;
using Faith.Engine.Passes;
using Faith.Engine.Tests.Families;
using Faith.Engine.Tests.Models;
using Faith.Engine.Tests.Oracle;
using Faith.Kernels.Host;
using Xunit;

namespace Faith.Engine.Tests.Attribution;

/// <summary>Runs with a mask on every edge, and their gradients by the masks: against the literal float64 oracle, finite differences of it, circuits and EAP.</summary>
public sealed class MaskedRunTests
{
    [Theory, MemberData(nameof(Scoring.ModelNames), MemberType = typeof(Scoring))]
    public void MetricAndGradientAgreeWithTheOracle(string name)
    {
        using var weights = Scoring.Models[name]();
        var data = RandomExamples.Create(31, weights.Config.Vocabulary, count: 3, longest: 6);
        var masks = Masks(weights, new Random(5));
        var (metric, gradient) = Run(weights, data, masks);
        var literal = data.Select(e => Literal(weights, e, masks)).ToArray();
        Close.Check([literal.Average(l => l.Metric)], [metric], 1e-5, $"metric, {name}");
        Close.Check([.. gradient.Select((_, i) => literal.Average(l => l.Gradient[i]))], gradient, 1e-5, $"gradient, {name}");
    }

    // Of every family: what the engine computes against the oracle, and the oracle's gradients by the masks of edges, and by those of nodes, which all edges out of
    // them share, against what its metric does in float64 when they move.
    [Theory, MemberData(nameof(FamilyTests.Names), MemberType = typeof(FamilyTests))]
    public void GradientsAreTheSlopesOfTheMetricInEveryFamily(string family)
    {
        const double Step = 1e-6;
        const int Edges = 12;
        var directory = new FamilyDirectory(family);
        using var weights = directory.Load();
        var example = directory.Examples[0];
        var random = new Random(6);
        var masks = Masks(weights, random);
        var graph = GraphOf(weights);
        var (metric, gradient) = Literal(weights, example, masks);
        var run = Run(weights, [example], masks);
        Close.Check([metric], [run.Metric], 1e-5, $"metric, {family}");
        Close.Check(gradient, run.Gradient, 1e-5, $"gradient, {family}");

        double Loss(IEnumerable<EdgeId> edges, double by)
        {
            var moved = Array.ConvertAll(masks, m => (double)m);
            foreach (var edge in edges) moved[edge] += by;
            return -LiteralMasks.Run(weights, example, moved).Metric;
        }
        double Slope(params EdgeId[] edges) => (Loss(edges, Step) - Loss(edges, -Step)) / (2 * Step);
        EdgeId[] some = [.. graph.AllEdges];
        random.Shuffle(some);
        some = some[..Edges];
        EdgeId[] OutOf(NodeId u) => [.. graph.AllEdges.Where(e => graph.SourceOf(e) == u)];
        var largest = gradient.Max(Math.Abs);
        foreach (var edge in some) Assert.True(Math.Abs(Slope(edge) - gradient[edge]) < 1e-6 * largest, $"{family}, {graph.EdgeName(edge)}: {Slope(edge)}, {gradient[edge]}");
        Close.Check([.. graph.AllSources.Select(u => Slope(OutOf(u)))], [.. graph.AllSources.Select(u => OutOf(u).Sum(e => gradient[e]))], 1e-6, $"nodes, {family}");
    }

    [Theory]
    [InlineData("gpt2")]
    [InlineData("llama")]
    [InlineData("gpt2, parallel blocks")]
    [InlineData("norms of inputs and outputs")]
    [InlineData("norms of outputs, parallel, LayerNorm")]
    [InlineData("queries and keys of all heads normed together")]
    public void AllMasksOpenGiveTheGradientOfEapAndMasksOfZeroAndOneACircuit(string name)
    {
        using var weights = Scoring.Models[name]();
        var data = RandomExamples.Create(33, weights.Config.Vocabulary);
        var graph = GraphOf(weights);
        var open = new float[graph.Pairs];
        foreach (var edge in graph.AllEdges) open[edge] = 1;
        // Of the loss by the weight of an edge, which takes its difference away: minus the score, whose difference is the other way round.
        var eap = Scoring.Scores(weights, data, new() { Method = "eap" });
        Close.Check([.. eap.Select(s => -s)], Run(weights, data, open).Gradient, 1e-5, name);

        var random = new Random(7);
        EdgeId[] some = [.. graph.AllEdges.Where(_ => random.Next(3) > 0)];
        var circuit = new Circuit(graph, some);
        using var device = new HostDevice(2);
        using var model = new Transformer(device, weights);
        foreach (var ablation in (Ablation[])[Ablation.Patching, Ablation.Mean])
        {
            var options = new EvaluationOptions { Ablation = ablation };
            // Of a circuit only what carries anything is computed, which shows where heads are normed with others.
            var kept = LiteralCircuit.Kept(new LiteralModel(weights), circuit, ablation == Ablation.Patching);
            var masks = new float[graph.Pairs];
            foreach (var edge in some) masks[edge] = kept(graph.SourceOf(edge), graph.ColumnOf(edge)) ? 1 : 0;
            Close.Check([CircuitEvaluator.Evaluate(model, data, [circuit], options)[0].Circuit.Average()], [Run(weights, data, masks, options).Metric], 1e-5, $"{name}, {ablation}");
        }
    }

    [Theory]
    [InlineData("mattr", ScoreLevel.Edge, 1000)]
    [InlineData("mattr", ScoreLevel.Node, 300)]
    [InlineData("edge-pruning", ScoreLevel.Edge, 1000)]
    [InlineData("edge-pruning", ScoreLevel.Node, 300)]
    public void TrainedMasksFindTheKnownCircuit(string method, ScoreLevel level, int steps)
    {
        using var device = new HostDevice(2);
        using var model = new Transformer(device, InductionModel.Create().Weights);
        var result = Attributor.Run(model, InductionModel.Examples(20, 0), new() { Method = method, Level = level, TrainSteps = steps, TargetShare = level == ScoreLevel.Edge ? null : 0.4 });
        if (level == ScoreLevel.Edge)
        {
            Assert.Equal(1, Auroc.Of(result.Scores, InductionModel.Circuit));
            return;
        }
        Assert.False(result.HasEdgeScores);
        var best = Enumerable.Range(0, model.Graph.Sources).OrderByDescending(u => result.NodeScores![u]).Take(3).Select(u => model.Graph.NodeName(new(u)));
        Assert.Equal(["a0.h0", "a1.h0", "input"], best.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("mattr")]
    [InlineData("edge-pruning")]
    public void TheSameSeedGivesTheSameBitsWhateverTheThreadsAndMicroBatches(string method)
    {
        using var weights = RandomModels.Llama(62);
        var data = RandomExamples.Create(63, weights.Config.Vocabulary, count: 9);
        var options = new AttributionOptions { Method = method, TrainSteps = 5, Seed = 3 };
        var expected = Scoring.Scores(weights, data, options, threads: 1);
        Assert.Equal(expected, Scoring.Scores(weights, data, options, threads: 2));
        Assert.NotEqual(expected, Scoring.Scores(weights, data, options with { Seed = 4 }));
        // With all of the learning rate gone the start is all there is.
        var eap = Scoring.Run(weights, data, new() { Method = "eap" }).Scores;
        var started = Scoring.Run(weights, data, options with { WarmStart = eap, LearningRate = 1e-9, TrainSteps = 1 }).Scores;
        int[] Ranked(EdgeScores scores) => [.. scores.Graph.AllEdges.Select(e => e.Index).OrderBy(i => Math.Abs(scores.Values[i]))];
        Assert.Equal(Ranked(eap), Ranked(started));
    }

    // Stopped after any step, by a signal or for good, and started again: as if nothing had been.
    [Theory]
    [InlineData("mattr")]
    [InlineData("edge-pruning")]
    public void AStoppedTrainingGoesOnToTheSameBits(string method)
    {
        using var weights = RandomModels.Llama(62);
        using var folder = new TemporaryDirectory();
        var data = RandomExamples.Create(63, weights.Config.Vocabulary, count: 20);
        var options = new AttributionOptions { Method = method, TrainSteps = 7, Seed = 3 };
        var expected = Scoring.Scores(weights, data, options);
        using var device = new HostDevice(2);
        using var model = new Transformer(device, weights);
        for (var stop = 1; stop <= 5; stop += 2)
        {
            var resumed = new List<int>();
            options = options with { Checkpoint = new() { Path = folder.File($"{stop}.ckpt"), Identity = "a=1\n", Every = 2, Resumed = resumed.Add } };
            using var cancelled = new CancellationTokenSource();
            // It sees that it is to stop before the step after this one.
            var watch = new Watch(progress => { if (progress.Done == stop - 1) cancelled.Cancel(); });
            Assert.Throws<OperationCanceledException>(() => Attributor.Run(model, data, options, watch, cancelled.Token));
            Assert.Equal(expected, Attributor.Run(model, data, options).Scores.Values);
            Assert.Equal(expected, Attributor.Run(model, data, options).Scores.Values);
            Assert.Equal([stop, 7], resumed);
        }
        var other = options with { Checkpoint = new() { Path = folder.File("1.ckpt"), Identity = "a=2\n" } };
        Assert.Contains("a was 1, and is 2 now", Assert.Throws<InputException>(() => Attributor.Run(model, data, other)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ATrainingBeyondWhatACheckpointTakesIsRefused()
    {
        TrainingCheckpoint.RequireRoom(1 << 26);
        Assert.Contains("leave --checkpoint out", Assert.Throws<InputException>(() => TrainingCheckpoint.RequireRoom(1L << 27)).Message, StringComparison.Ordinal);
        // What it is asked about is what is written, beside a few numbers.
        foreach (var training in (MaskTraining[])[new MatryoshkaTraining(new double[1000], 0.1, new Random64(1)), new EdgePruningTraining(new double[1000], 0.1, 5, 0.1, new Random64(1))])
        {
            using var content = new MemoryStream();
            using (var writer = new BinaryWriter(content)) training.Save(writer);
            Assert.InRange(content.ToArray().Length / sizeof(double) - 1000 * training.NumbersOfScore, 0, 100);
        }
    }

    [Theory]
    [InlineData("mattr", ScoreLevel.Edge)]
    [InlineData("edge-pruning", ScoreLevel.Node)]
    public void ProgressTellsLossAndSize(string method, ScoreLevel level)
    {
        using var weights = RandomModels.Llama(62);
        using var device = new HostDevice(2);
        using var model = new Transformer(device, weights);
        var told = new List<RunProgress>();
        Attributor.Run(model, RandomExamples.Create(63, weights.Config.Vocabulary), new() { Method = method, Level = level, TrainSteps = 3 }, new Watch(told.Add));
        Assert.Equal([0, 1, 2, 3], told.Select(p => p.Done));
        Assert.All(told.SkipLast(1), p => Assert.Matches($"^loss -?[0-9.e-]+ with [0-9]+ {level.Name()}s$", p.Detail));
    }

    private sealed class Watch(Action<RunProgress> report) : IProgress<RunProgress>
    {
        public void Report(RunProgress value) => report(value);
    }

    // All examples are held at once, so that memory says only whether they fit.
    [Fact]
    public void TheMemoryAllowedChangesNoBits()
    {
        using var weights = RandomModels.Llama(62);
        var data = RandomExamples.Create(63, weights.Config.Vocabulary, count: 20);
        using var device = new HostDevice(2);
        using var model = new Transformer(device, weights);
        long needed;
        using (var session = new MaskSession(model, data, new EvaluationOptions(), 16, seed: 3)) needed = session.Bytes;
        var options = new AttributionOptions { Method = "mattr", TrainSteps = 5, Seed = 3 };
        var expected = Scoring.Scores(weights, data, options);
        Assert.Equal(expected, Scoring.Scores(weights, data, options with { MemoryBytes = needed }));
        Assert.Throws<InputException>(() => Scoring.Scores(weights, data, options with { MemoryBytes = needed / 4 }));
    }

    [Theory]
    [InlineData("llama")]
    [InlineData("norms of inputs and outputs")]
    [InlineData("queries and keys of all heads normed together, centred")]
    public void MicroBatchesOfOneGiveTheSameBits(string name)
    {
        using var weights = Scoring.Models[name]();
        var data = RandomExamples.Create(64, weights.Config.Vocabulary, count: 9);
        var masks = Masks(weights, new Random(8));
        double[] Cut(int rows, int threads)
        {
            using var device = new HostDevice(threads);
            device.Limits = device.Limits with { RowsOfBatch = rows };
            using var model = new Transformer(device, weights);
            using var session = new MaskSession(model, data, new EvaluationOptions(), 4, seed: 1);
            var gradient = new double[model.Graph.Pairs];
            return [.. Enumerable.Range(0, session.Groups).SelectMany(group => (double[])[session.Run(group, masks, gradient), .. gradient])];
        }
        Assert.Equal(Cut(640, 2), Cut(1, 3));
    }

    [Fact]
    public void WhatCannotBeMaskedIsRefused()
    {
        using var weights = RandomModels.Llama(62);
        var data = RandomExamples.Create(63, weights.Config.Vocabulary);
        Assert.Throws<InputException>(() => Scoring.Scores(weights, data, new() { Method = "mattr", Level = ScoreLevel.Neuron }));
        Assert.Throws<InputException>(() => Scoring.Scores(weights, data, new() { Method = "mattr", WarmStart = EdgeScores.Zero(new ModelGraph(1, 1)) }));
    }

    [Fact]
    public void SlopesOfGatesAreThoseOfTheirCurves()
    {
        const double Step = 1e-6;
        foreach (var score in (double[])[-4, -1.5, -0.2, 0, 0.7, 3])
        {
            Close.Check([(HardConcrete.Open(score + Step).Chance - HardConcrete.Open(score - Step).Chance) / (2 * Step)], [HardConcrete.Open(score).Slope], 1e-6, $"chance at {score}");
            foreach (var u in (double[])[0, 0.01, 0.3, 0.5, 0.8, 0.999])
            {
                var (gate, slope) = HardConcrete.At(score, u);
                Assert.InRange(gate, 0, 1);
                Assert.Equal((HardConcrete.At(score + Step, u).Gate - HardConcrete.At(score - Step, u).Gate) / (2 * Step), slope, 1e-6);
            }
        }
        var random = new Random64(1);
        Assert.Equal(HardConcrete.Open(-1).Chance, Enumerable.Range(0, 20_000).Average(_ => HardConcrete.At(-1, random.Unit()).Gate > 0 ? 1.0 : 0), 0.02);
    }

    [Fact]
    public void MasksAddUpToTheirBudget()
    {
        double[] scores = [-3, 0, 1e6, 0.5, -1e6, 2], masks = new double[6];
        foreach (var budget in (double[])[0.01, 1, 2.5, 5.99])
        {
            BudgetedMasks.Set(scores, budget, masks);
            Assert.Equal(budget, masks.Sum(), 1e-6);
            Assert.All(masks, m => Assert.InRange(m, 0, 1));
        }
    }

    private static ModelGraph GraphOf(ModelWeights weights) => new(weights.Config.Layers, weights.Config.Heads, weights.Config.ParallelBlocks);

    /// <summary>Masks of every kind: shut, open and between.</summary>
    private static float[] Masks(ModelWeights weights, Random random)
    {
        var graph = GraphOf(weights);
        var masks = new float[graph.Pairs];
        foreach (var edge in graph.AllEdges) masks[edge] = random.Next(4) switch { 0 => 0, 1 => 1, _ => random.NextSingle() };
        return masks;
    }

    private static (double Metric, double[] Gradient) Run(ModelWeights weights, Example[] data, float[] masks, EvaluationOptions? options = null)
    {
        using var device = new HostDevice(2);
        using var model = new Transformer(device, weights);
        using var session = new MaskSession(model, data, options ?? new EvaluationOptions(), data.Length, seed: 1);
        var gradient = new double[model.Graph.Pairs];
        return (session.Run(0, masks, gradient), gradient);
    }

    private static (double Metric, double[] Gradient) Literal(ModelWeights weights, Example example, float[] masks) => LiteralMasks.Run(weights, example, Array.ConvertAll(masks, m => (double)m));
}
