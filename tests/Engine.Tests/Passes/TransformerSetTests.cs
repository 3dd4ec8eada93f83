using System.Collections.Concurrent;
using Faith.Engine.Ablations;
using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Compatibility;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Models;
using Faith.Engine.Passes;
using Faith.Engine.Tests.Oracle;
using Faith.Kernels;
using Faith.Kernels.Gpu;
using Faith.Kernels.Host;
using Faith.PtxInterpreter;
using Xunit;

namespace Faith.Engine.Tests.Passes;

/// <summary>Several devices give the bits of one, and fail as one.</summary>
[Collection(SimulatedCuda.Name)]
public sealed class TransformerSetTests : IDisposable
{
    private readonly List<Device> devices = [];
    private readonly ModelWeights weights = RandomModels.Gpt2(1);

    public void Dispose()
    {
        foreach (var device in devices) device.Dispose();
        weights.Dispose();
    }

    private Example[] Data(int count = 7) => RandomExamples.Create(3, weights.Config.Vocabulary, count);

    private T OnHosts<T>(int count, Func<TransformerSet, T> work)
    {
        Device[] own = [.. Enumerable.Range(0, count).Select(_ => new HostDevice(1))];
        devices.AddRange(own);
        using var models = new TransformerSet(own, weights);
        return work(models);
    }

    public static TheoryData<string, ScoreLevel> Methods()
    {
        var cases = new TheoryData<string, ScoreLevel>();
        foreach (var method in AttributionMethods.All.Select(m => m.Name))
        {
            foreach (var level in Enum.GetValues<ScoreLevel>())
            {
                // Some are refused at some levels, whatever the devices are.
                if ((method, level) is not ("ifr" or "acdc", not ScoreLevel.Edge) and not ("exact" or "eap-qkfix" or "mattr" or "edge-pruning", ScoreLevel.Neuron)) cases.Add(method, level);
            }
        }
        return cases;
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void EveryMethodScoresToTheBitAsOnOneDevice(string method, ScoreLevel level)
    {
        var (data, options) = (Data(), new AttributionOptions { Method = method, Level = level, Steps = 3, TrainSteps = 3 });
        var (one, two) = (OnHosts(1, m => Attributor.Run(m, data, options)), OnHosts(2, m => Attributor.Run(m, data, options)));
        Assert.Equal(one.Scores.Values, two.Scores.Values);
        Assert.Equal(one.StandardErrors, two.StandardErrors);
        Assert.Equal(one.NodeScores, two.NodeScores);
        Assert.Equal(one.NeuronScores, two.NeuronScores);
        Assert.Equal(one.Clean, two.Clean);
        Assert.Equal(one.Corrupted, two.Corrupted);
        Assert.Equal(one.InputScores, two.InputScores);
        Assert.Equal(one.CompletenessGap, two.CompletenessGap);
        Assert.Equal(one.ExampleGaps, two.ExampleGaps);
    }

    [Theory]
    [InlineData(Ablation.Patching)]
    [InlineData(Ablation.Zero)]
    [InlineData(Ablation.Mean)]
    [InlineData(Ablation.MeanPositional)]
    public void AblationsAreThoseOfAllExamples(Ablation ablation)
    {
        var (data, other) = (Data(), Data().Select(e => e with { Corrupted = [.. e.Clean.Reverse()] }).ToArray());
        foreach (var from in (Example[]?[])[null, other])
        {
            var options = new AttributionOptions { Steps = 2, Ablation = ablation, AblationData = from };
            double[] Scores(int count) => OnHosts(count, m => Attributor.Run(m, data, options).Scores.Values);
            Assert.Equal(Scores(1), Scores(3));

            var evaluation = new EvaluationOptions { Ablation = ablation, AblationData = from };
            double[] Values(int count) => OnHosts(count, m => CircuitEvaluator.Evaluate(m, data, [Half(m.Graph), Circuit.Full(m.Graph), HalfOfTheNeurons(m), AllNeurons(m)], evaluation).SelectMany(f => (double[])[.. f.Circuit, .. f.Clean, .. f.Corrupted]).ToArray());
            Assert.Equal(Values(1), Values(3));
        }
    }

    [SimulatedFact]
    public void GpusScoreToTheBitAsOne()
    {
        var data = Data(4);
        (double[] Scores, double[] Circuit) On(int count)
        {
            SimulatedGpu.Reset();
            SimulatedGpu.Devices = count;
            var own = Devices.OpenSeveral("cuda:all", new(SimulatedCuda.Probe));
            devices.AddRange(own);
            Assert.Equal(count, own.Count);
            using var models = new TransformerSet(own, weights);
            return (Attributor.Run(models, data, new() { Steps = 2 }).Scores.Values, [.. CircuitEvaluator.Evaluate(models, data, [Half(models.Graph), HalfOfTheNeurons(models)], MetricKind.LogitDifference).SelectMany(f => f.Circuit)]);
        }
        var (one, two) = (On(1), On(2));
        Assert.Equal(one.Scores, two.Scores);
        Assert.Equal(one.Circuit, two.Circuit);
        Assert.Null(SimulatedGpu.Fault);
    }

    [SimulatedTheory]
    [InlineData("eap-ig", ScoreLevel.Edge)]
    [InlineData("clean-corrupted", ScoreLevel.Neuron)]
    [InlineData("exact", ScoreLevel.Edge)]
    [InlineData("evaluate", ScoreLevel.Edge)]
    public void AGpuWithLessMemoryGoesOnInSmallerMicroBatchesAlone(string what, ScoreLevel level)
    {
        var data = Data(8);
        var options = new AttributionOptions { Method = what, Steps = 2, Level = level, MemoryBytes = 1L << 29, OnlyEdges = what == "exact" ? [new(0), new(5), new(40), new(47), new(95)] : null };
        (double[][] Results, long[] Held, string[] Notices) On(long? room)
        {
            SimulatedGpu.Reset();
            SimulatedGpu.Devices = 2;
            var notices = new ConcurrentBag<string>();
            var own = Devices.OpenSeveral("cuda:all", new(SimulatedCuda.Probe));
            devices.AddRange(own);
            using var models = new TransformerSet(own, weights, notices.Add);
            if (room is { } bytes) SimulatedGpu.SmallerMemory[1] = SimulatedGpu.Memory.UsedBy(1) + bytes;
            double[][] results = [];
            if (what == "evaluate")
                results = [.. CircuitEvaluator.Evaluate(models, data, [Half(models.Graph)], new EvaluationOptions { MemoryBytes = options.MemoryBytes }).Select(f => (double[])[.. f.Circuit, .. f.Clean, .. f.Corrupted])];
            else if (Attributor.Run(models, data, options) is var r)
                results = [r.Scores.Values, r.NeuronScores ?? [], r.StandardErrors ?? [], r.Clean, r.Corrupted];
            var held = models.Run(data, (model, _, _, _) => model.Workspace(1).Bytes, null, CancellationToken.None);
            return (results, held, [.. notices]);
        }
        var plenty = On(null);
        Assert.Empty(plenty.Notices);
        var small = On(plenty.Held[1] * 2 / 3);
        Assert.Equal(plenty.Results, small.Results);
        Assert.StartsWith("cuda:1 Simulated GPU", Assert.Single(small.Notices), StringComparison.Ordinal);
        Assert.Equal(plenty.Held[0], small.Held[0]);
        Assert.InRange(small.Held[1], 1, plenty.Held[1] * 2 / 3);
        Assert.Null(SimulatedGpu.Fault);
    }

    [Fact]
    public void ThereMayBeMoreDevicesThanExamples()
    {
        var data = Data(2);
        double[] Scores(int count) => OnHosts(count, m => Attributor.Run(m, data, new() { Steps = 2 }).Scores.Values);
        Assert.Equal(Scores(1), Scores(5));
    }

    [Theory]
    [InlineData("eap-ig", Ablation.Patching, ScoreLevel.Edge)]
    [InlineData("eap-ig", Ablation.Patching, ScoreLevel.Neuron)]
    [InlineData("eap-ig-activations", Ablation.Mean, ScoreLevel.Edge)]
    [InlineData("eap-ig-activations", Ablation.MeanPositional, ScoreLevel.Node)]
    [InlineData("exact", Ablation.Mean, ScoreLevel.Edge)]
    public void BatchesAndMeansOfAnotherSourceAreThoseOfAllExamples(string method, Ablation ablation, ScoreLevel level)
    {
        var (data, options) = (Data(), new AttributionOptions { Method = method, Steps = 2, Ablation = ablation, Level = level });
        var mode = CompatibilityMode.Find("eap-ig");
        // Batches of the source cross the parts; sums of edge scores are not exact and need the order of the data.
        AttributionResult Run(int count) => OnHosts(count, m => mode.Run(m, data, options, batch: 3));
        var (one, three) = (Run(1), Run(3));
        Assert.Equal(one.Scores.Values, three.Scores.Values);
        Assert.Equal(one.NodeScores, three.NodeScores);
        Assert.Equal(one.NeuronScores, three.NeuronScores);
    }

    [Theory]
    [InlineData(IntegrationRule.Left, ScoreLevel.Edge, new[] { 2, 2, 4 })]
    [InlineData(IntegrationRule.Trapezoid, ScoreLevel.Neuron, new[] { 3, 2, 4 })]
    [InlineData(IntegrationRule.GaussLegendre, ScoreLevel.Node, new[] { 2, 4, 8 })]
    public void StepsAreFoundToTheBitAsOnOneDeviceWithNoPointRunTwice(IntegrationRule rule, ScoreLevel level, int[] gradients)
    {
        var (data, options) = (Data(), new AttributionOptions { Rule = rule, Level = level });
        ConvergentRun Run(int count) => OnHosts(count, m => ConvergentRun.Run(m, data, options, new() { Tolerance = -1, MostSteps = 8 }));
        var (one, three) = (Run(1), Run(3));
        Assert.Equal(gradients, three.Rounds.Select(r => r.Gradients));
        Assert.Equal(one.Rounds.Select(r => r with { Seconds = 0 }), three.Rounds.Select(r => r with { Seconds = 0 }));
        Assert.Equal(one.Result.Scores.Values, three.Result.Scores.Values);
        Assert.Equal(one.Result.StandardErrors, three.Result.StandardErrors);
        Assert.Equal(one.Result.NodeScores, three.Result.NodeScores);
        Assert.Equal(one.Result.NeuronScores, three.Result.NeuronScores);
    }

    [Fact]
    public void EveryDeviceSaysThatItsMemoryIsShort()
    {
        var notices = new ConcurrentBag<string>();
        devices.AddRange([new HostDevice(1), new HostDevice(1)]);
        using var models = new TransformerSet(devices, weights, notices.Add);
        models.Run(Data(), (model, _, _, _) =>
        {
            model.LimitWorkspace(1000);
            model.NoticeThatRunsGoOn();
            model.NoticeThatRunsGoOn();
            return 0;
        }, null, CancellationToken.None);
        Assert.Equal(2, notices.Count);
    }

    [Fact]
    public void TheFirstErrorStopsAllAndSaysWhere()
    {
        var stopped = false;
        var error = Assert.Throws<GpuException>(() => OnHosts(2, models => models.Run<int>(Data(), (_, part, _, stop) =>
        {
            if (part.First > 0) throw new GpuException("broken");
            stopped = stop.WaitHandle.WaitOne(TimeSpan.FromSeconds(30));
            throw new OperationCanceledException(stop);
        }, null, CancellationToken.None)));
        Assert.True(stopped);
        Assert.Matches(@"^cpu \(.*1 thread\): broken$", error.Message);
    }

    [Fact]
    public void AnExampleThatDoesNotFitHasTheNumberThatTheUserKnows()
    {
        var clean = Enumerable.Range(0, 20).ToArray();
        Example[] data = [.. Data(6), new(clean, [.. clean.Reverse()], [1], [2])];
        var options = new AttributionOptions { Steps = 2, MemoryBytes = 150_000 };
        var message = Assert.Throws<InputException>(() => OnHosts(2, m => Attributor.Run(m, data, options))).Message;
        Assert.StartsWith("example 7 (20 tokens) needs", message, StringComparison.Ordinal);
    }

    [Fact]
    public void CancellingStopsAll()
    {
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Assert.Throws<OperationCanceledException>(() => OnHosts(2, m => Attributor.Run(m, Data(), new(), cancellation: cancelled.Token)));
    }

    [SimulatedFact]
    public void AModelThatCannotBeLoadedIsTheErrorOfOneDevice()
    {
        SimulatedGpu.Reset();
        SimulatedGpu.Devices = 2;
        var probe = new GpuProbes(SimulatedCuda.Probe);
        devices.AddRange(Devices.OpenSeveral("cuda:1,0", probe));
        SimulatedGpu.MemoryBytes = SimulatedGpu.Memory.Used + 1000;
        var used = SimulatedGpu.Memory.Used;
        Assert.Matches("^cuda:[01] Simulated GPU", Assert.Throws<DeviceMemoryException>(() => new TransformerSet(devices, weights)).Message);
        Assert.Equal(used, SimulatedGpu.Memory.Used);
    }

    [Fact]
    public void ProgressCountsTheExamplesOfAllParts()
    {
        var seen = new List<RunProgress>();
        OnHosts(3, m => Attributor.Run(m, Data(), new() { Method = "eap" }, new Collector(seen)));
        Assert.All(seen, p => Assert.Equal(7, p.Total));
        Assert.Equal(seen.Select(p => p.Done).Order(), seen.Select(p => p.Done));
        Assert.Equal(7, seen[^1].Done);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(9)]
    public void PartsFollowEachOtherAndHaveAboutAsManyRows(int count)
    {
        var data = RandomExamples.Create(8, 50, count: 60, longest: 20);
        int Rows(IEnumerable<Example> examples) => examples.Sum(e => e.Clean.Length - e.FirstDifference);
        var parts = ExamplePart.Split(data, count);
        Assert.Equal(data, parts.SelectMany(p => p));
        Assert.Equal(parts.Select((_, i) => parts.Take(i).Sum(p => p.Count)), parts.Select(p => p.First));
        Assert.All(parts, p => Assert.InRange(Rows(p), Rows(data) / count - 20, Rows(data) / count + 20));
        Assert.Equal([1, 1, 1], ExamplePart.Split(data[..3], 7).Select(p => p.Count));
    }

    private static Circuit Half(ModelGraph graph) => new(graph, Circuit.Full(graph).Edges.Where((_, i) => i % 2 == 0));

    private static Circuit HalfOfTheNeurons(TransformerSet models) => Neurons(models, n => n % 2 == 0);

    private static Circuit AllNeurons(TransformerSet models) => Neurons(models, _ => true);

    private static Circuit Neurons(TransformerSet models, Func<int, bool> chosen) => new(models.Graph, Circuit.Full(models.Graph).Edges,
        new NeuronSet(models.Graph, models.Config.Width, Enumerable.Range(0, models.Graph.Sources * models.Config.Width).Where(chosen)));

    private sealed class Collector(List<RunProgress> seen) : IProgress<RunProgress>
    {
        public void Report(RunProgress value) => seen.Add(value);
    }
}
