using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Passes;
using Faith.Engine.Tests.Oracle;
using Faith.Kernels;
using Faith.Kernels.Host;
using Faith.PtxInterpreter;
using Xunit;

namespace Faith.Engine.Tests.Passes;

/// <summary>What a device says about itself: how many rows it likes, and how wide a head it takes.</summary>
[Collection(SimulatedCuda.Name)]
public sealed class DeviceLimitsTests
{
    public static TheoryData<bool> OnGpu => SimulatedLibrary.IsSupported ? [false, true] : [false];

    [Theory]
    [MemberData(nameof(OnGpu))]
    public void ScoresHaveTheSameBitsForAnyNumberOfRows(bool onGpu)
    {
        using var weights = RandomModels.Gpt2(1);
        var data = RandomExamples.Create(3, weights.Config.Vocabulary);
        using Device device = onGpu ? SimulatedCuda.Open() : new HostDevice();
        using var model = new Transformer(device, weights);
        var whole = Attributor.Run(model, data, new() { Steps = 3 });
        device.Limits = device.Limits with { RowsOfBatch = 4, RowsOfPass = 30 };
        var cut = Attributor.Run(model, data, new() { Steps = 3 });
        Assert.InRange(cut.WorkspaceBytes, 1, whole.WorkspaceBytes / 2);
        device.Limits = device.Limits with { RowsOfBatch = 4, RowsOfPass = 1 };
        var single = Attributor.Run(model, data, new() { Steps = 3 });
        Assert.InRange(single.WorkspaceBytes, 1, cut.WorkspaceBytes - 1);
        Assert.Equal(whole.Scores.Values, cut.Scores.Values);
        Assert.Equal(whole.Scores.Values, single.Scores.Values);
        Assert.Null(SimulatedGpu.Fault);
    }

    [Theory]
    [MemberData(nameof(OnGpu))]
    public void CircuitsSideBySideHaveTheSameBitsForAnyNumberOfRows(bool onGpu)
    {
        using var weights = RandomModels.Llama(5);
        var data = RandomExamples.Create(12, weights.Config.Vocabulary, count: 2);
        using Device device = onGpu ? SimulatedCuda.Open() : new HostDevice();
        using var model = new Transformer(device, weights);
        var edges = Circuit.Full(model.Graph).Edges;
        Circuit[] circuits = [.. Enumerable.Range(2, 4).Select(i => new Circuit(model.Graph, edges.Where((_, e) => e % i == 0)))];
        (double[][] Values, int Together) With(int rows)
        {
            device.Limits = device.Limits with { RowsOfBatch = rows };
            return ([.. CircuitEvaluator.Evaluate(model, data, circuits, MetricKind.LogitDifference).Select(f => (double[])[.. f.Circuit, .. f.Clean, .. f.Corrupted])],
                CircuitRun.Largest(model, new Batch(weights.Config, data, sharePrefixes: true), MetricKind.LogitDifference, null, circuits.Length, 1 << 30).Together);
        }
        var rows = new Batch(weights.Config, data, sharePrefixes: true).Rows;
        var (alone, together) = (With(rows), With(4 * rows));
        Assert.Equal(alone.Values, together.Values);
        Assert.Equal((1, 4), (alone.Together, together.Together));
    }

    [SimulatedFact]
    public void AGpuTakesMoreCircuitsSideBySideAndIsPlannedWithThem()
    {
        using var weights = RandomModels.Gpt2(1);
        var batch = new Batch(weights.Config, RandomExamples.DifferingAt(3, weights.Config.Vocabulary, count: 33, length: 4, 0), sharePrefixes: true);
        int Together(Device device)
        {
            using var model = new Transformer(device, weights);
            return CircuitRun.Largest(model, batch, MetricKind.LogitDifference, null, 100, 1 << 30).Together;
        }
        using var host = new HostDevice(1);
        using var gpu = SimulatedCuda.Open();
        using var planned = PlanningDevice.Gpu("GPU", 1L << 40);
        // 132 rows of a micro-batch.
        Assert.Equal((640 / 132, 4096 / 132, 4096 / 132), (Together(host), Together(gpu), Together(planned)));
    }

    [SimulatedFact]
    public void AGpuLikesMoreRowsAndIsPlannedWithThem()
    {
        using var host = new HostDevice(1);
        using var gpu = SimulatedCuda.Open();
        using var planned = PlanningDevice.Gpu("GPU", 1L << 40);
        Assert.InRange(gpu.Limits.RowsOfBatch, host.Limits.RowsOfBatch + 1, int.MaxValue);
        Assert.InRange(gpu.Limits.RowsOfPass, host.Limits.RowsOfPass + 1, int.MaxValue);
        Assert.Equal(gpu.Limits, planned.Limits);
    }

    [SimulatedFact]
    public void AHeadThatIsTooWideForAGpuIsRefusedAtOnce()
    {
        using var weights = RandomModels.Create(RandomModels.Gpt2Config(layers: 1, heads: 1, headDim: 257), 3);
        using var host = new HostDevice(1);
        using var gpu = SimulatedCuda.Open();
        using var planned = PlanningDevice.Gpu("GPU", 1L << 40);
        new Transformer(host, weights).Dispose();
        foreach (var device in (Device[])[gpu, planned])
        {
            var before = SimulatedGpu.Memory.Used;
            Assert.Equal($"the model's heads have 257 columns, {device.Name} takes at most 256: run it with --device cpu", Assert.Throws<InputException>(() => new Transformer(device, weights)).Message);
            Assert.Equal(before, SimulatedGpu.Memory.Used);
        }
    }
}
