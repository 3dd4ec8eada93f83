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
using Faith.Kernels.Cuda;
using Faith.Kernels.Host;
using Faith.PtxInterpreter;
using Xunit;

namespace Faith.Engine.Tests.Passes;

/// <summary>Several devices give the bits of one, and fail as one.</summary>
[Collection("gpu")]
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
                if ((method, level) is not ("ifr" or "acdc", not ScoreLevel.Edge) and not ("exact", ScoreLevel.Neuron)) cases.Add(method, level);
            }
        }
        return cases;
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void EveryMethodScoresToTheBitAsOnOneDevice(string method, ScoreLevel level)
    {
        var (data, options) = (Data(), new AttributionOptions { Method = method, Level = level, Steps = 3 });
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
            double[] Values(int count) => OnHosts(count, m => CircuitEvaluator.Evaluate(m, data, [Half(m.Graph), Circuit.Full(m.Graph)], evaluation).SelectMany(f => (double[])[.. f.Circuit, .. f.Clean, .. f.Corrupted]).ToArray());
            Assert.Equal(Values(1), Values(3));
        }
    }

    [Fact]
    public void GpusScoreToTheBitAsOne()
    {
        var data = Data(4);
        (double[] Scores, double[] Circuit) On(int count)
        {
            SimulatedGpu.Reset();
            SimulatedGpu.Devices = count;
            var own = Devices.OpenSeveral("cuda:all", CudaDevices.Probe(new CudaDriver(SimulatedDriver.Symbol)));
            devices.AddRange(own);
            Assert.Equal(count, own.Count);
            using var models = new TransformerSet(own, weights);
            return (Attributor.Run(models, data, new() { Steps = 2 }).Scores.Values, CircuitEvaluator.Evaluate(models, data, [Half(models.Graph)], MetricKind.LogitDifference)[0].Circuit);
        }
        var (one, two) = (On(1), On(2));
        Assert.Equal(one.Scores, two.Scores);
        Assert.Equal(one.Circuit, two.Circuit);
        Assert.Null(SimulatedGpu.Fault);
    }

    [Fact]
    public void ThereMayBeMoreDevicesThanExamples()
    {
        var data = Data(2);
        double[] Scores(int count) => OnHosts(count, m => Attributor.Run(m, data, new() { Steps = 2 }).Scores.Values);
        Assert.Equal(Scores(1), Scores(5));
    }

    [Fact]
    public void ScoresOfExamplesAreHandedOnInTheOrderOfTheData()
    {
        var data = Data();
        var mode = CompatibilityMode.Find("eap-ig");
        // Batches of the source cross the parts, and their sums are not exact.
        double[] Scores(int count) => OnHosts(count, m => mode.Run(m, data, new() { Steps = 2 }, batch: 3).Scores.Values);
        Assert.Equal(Scores(1), Scores(3));
    }

    [Fact]
    public void TheFirstErrorStopsAllAndSaysWhere()
    {
        var stopped = false;
        var error = Assert.Throws<CudaException>(() => OnHosts(2, models => models.Run<int>(Data(), (_, part, _, stop) =>
        {
            if (part.First > 0) throw new CudaException("broken", 719);
            stopped = stop.WaitHandle.WaitOne(TimeSpan.FromSeconds(30));
            throw new OperationCanceledException(stop);
        }, null, CancellationToken.None)));
        Assert.True(stopped);
        Assert.Matches(@"^cpu \(.*1 thread\): broken$", error.Message);
        Assert.Equal(719, error.Code);
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

    [Fact]
    public void AModelThatCannotBeLoadedIsTheErrorOfOneDevice()
    {
        SimulatedGpu.Reset();
        SimulatedGpu.Devices = 2;
        var probe = CudaDevices.Probe(new CudaDriver(SimulatedDriver.Symbol));
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

    private sealed class Collector(List<RunProgress> seen) : IProgress<RunProgress>
    {
        public void Report(RunProgress value) => seen.Add(value);
    }
}
