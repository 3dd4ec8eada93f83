using Faith.Engine.Attribution;
using Faith.Engine.Metrics;
using Faith.Engine.Models;
using Faith.Engine.Passes;
using Faith.Engine.Planning;
using Faith.Engine.Tests.Oracle;
using Faith.Kernels;
using Faith.Kernels.Host;
using Faith.PtxInterpreter;
using Xunit;

namespace Faith.Engine.Tests.Passes;

[Collection(SimulatedCuda.Name)]
public sealed class RunPlannerTests
{
    private const long Plenty = 1L << 32;

    public static TheoryData<string, MetricKind, WeightPrecision, int, bool> Runs => new()
    {
        { "eap", MetricKind.LogitDifference, WeightPrecision.Float32, 5, false },
        { "eap-ig", MetricKind.LogitDifference, WeightPrecision.BFloat16, 12, false },
        { "eap-ig", MetricKind.KullbackLeibler, WeightPrecision.Float32, 3, false },
        { "eap-ig-activations", MetricKind.LogitDifference, WeightPrecision.Float32, 2, false },
        { "clean-corrupted", MetricKind.ProbabilityDifference, WeightPrecision.Float32, 3, true },
        { "relp", MetricKind.LogitDifference, WeightPrecision.Float32, 5, false },
        { "eap-graddrop", MetricKind.LogitDifference, WeightPrecision.Float32, 5, true },
        { "eap-ig", MetricKind.KullbackLeibler, WeightPrecision.Float16, 3, false },
        { "eap-qkfix", MetricKind.LogitDifference, WeightPrecision.Float32, 5, true },
    };

    [Theory]
    [MemberData(nameof(Runs))]
    public void A_plan_is_what_the_run_takes(string method, MetricKind metric, WeightPrecision precision, int steps, bool tight)
    {
        using var weights = RandomWeights.Create("stories260k", precision, layers: 2);
        var data = RandomExamples.Create(7, weights.Config.Vocabulary, count: 9);
        var options = new AttributionOptions { Method = method, Metric = metric, Steps = steps, MemoryBytes = Plenty };
        using var planning = PlanningDevice.Host(Plenty);
        if (tight) options = options with { MemoryBytes = RunPlanner.Plan(planning, weights, data, options).WorkspaceBytes * 2 / 3 };
        var plan = RunPlanner.Plan(planning, weights, data, options);
        using var device = new HostDevice(2);
        using var model = new Transformer(device, weights);
        var result = Attributor.Run(model, data, options);

        Assert.Equal(result.WorkspaceBytes, plan.WorkspaceBytes);
        Assert.Equal(model.Bytes, plan.WeightBytes);
        Assert.InRange(plan.WorkspaceBytes, 1, options.MemoryBytes.Value);
        Assert.Equal(Plenty, planning.FreeMemory);
        if (tight) Assert.InRange(plan.MicroBatches, 2, 9);
        else Assert.Equal((1, 9), (plan.MicroBatches, plan.ExamplesOfBatch));
    }

    [Theory]
    [InlineData("gpt2", 10, false)]
    [InlineData("gpt2", 1000, false)]
    [InlineData("gpt2-xl", 200, true)]
    [InlineData("llama-1b", 1000, true)]
    public void Micro_batches_take_at_most_a_gigabyte_and_a_half_unless_more_is_allowed(string shape, int examples, bool isCut)
    {
        using var weights = RandomWeights.Create(shape);
        var data = RandomExamples.Create(7, 100, count: examples);
        using var device = PlanningDevice.Host(1L << 40);
        var plan = RunPlanner.Plan(device, weights, data, new());
        Assert.InRange(plan.WorkspaceBytes, 1, 1_500_000_000);
        var allowed = RunPlanner.Plan(device, weights, data, new() { MemoryBytes = 1L << 36 });
        Assert.Equal(isCut, allowed.MicroBatches < plan.MicroBatches);
        Assert.Equal(isCut, allowed.WorkspaceBytes > 1_500_000_000);
    }

    [SimulatedTheory]
    [InlineData("gpt2", "eap-ig", MetricKind.LogitDifference, 3, null)]
    [InlineData("llama", "eap-ig", MetricKind.KullbackLeibler, 3, null)]
    [InlineData("llama", "eap-ig-activations", MetricKind.LogitDifference, 1, 0.6)]
    [InlineData("llama", "relp", MetricKind.LogitDifference, 1, null)]
    [InlineData("llama", "eap-graddrop", MetricKind.LogitDifference, 1, 0.6)]
    [InlineData("llama", "eap-qkfix", MetricKind.LogitDifference, 1, null)]
    // Less than the run takes with plenty: it is halved, and the plan says so.
    [InlineData("gpt2", "eap", MetricKind.LogitDifference, 1, -0.7)]
    // Matrices and tables of 16 bits.
    [InlineData("gpt2, float16", "eap-ig", MetricKind.KullbackLeibler, 2, null)]
    [InlineData("gpt2, bfloat16", "eap", MetricKind.LogitDifference, 1, null)]
    public void A_plan_for_a_gpu_is_what_the_driver_gives(string family, string method, MetricKind metric, int steps, double? share)
    {
        using var weights = family switch
        {
            "llama" => RandomModels.Llama(5),
            "gpt2, float16" => RandomModels.Create(RandomModels.Gpt2Config(), 1, type: StoredType.F16),
            "gpt2, bfloat16" => RandomModels.Create(RandomModels.Gpt2Config(), 1, type: StoredType.BF16),
            _ => RandomModels.Gpt2(1),
        };
        var data = RandomExamples.Create(7, weights.Config.Vocabulary, count: 5);
        var options = new AttributionOptions { Method = method, Metric = metric, Steps = steps };
        using var device = SimulatedCuda.Open();
        RunPlan Plan()
        {
            using var planning = PlanningDevice.Gpu("GPU", device.FreeMemory, SimulatedCuda.Info);
            return RunPlanner.Plan(planning, weights, data, options);
        }
        var plenty = Plan();
        if (share > 0) options = options with { MemoryBytes = (long)(plenty.WorkspaceBytes * share) };
        if (share < 0)
        {
            options = options with { MemoryBytes = Plenty };
            SimulatedGpu.MemoryBytes = SimulatedGpu.Memory.Used + plenty.WeightBytes + (long)(plenty.WorkspaceBytes * -share);
        }
        var plan = Plan();
        SimulatedGpu.Memory.StartPeak();
        var before = SimulatedGpu.Memory.Used;
        using var model = new Transformer(device, weights);
        var result = Attributor.Run(model, data, options);

        Assert.Equal(result.WorkspaceBytes, plan.WorkspaceBytes);
        Assert.Equal(share is null ? 1 : 2, Math.Min(plan.MicroBatches, 2));
        Assert.InRange(plan.ScratchBytes, 1, long.MaxValue);
        Assert.Equal(SimulatedGpu.Memory.Peak - before, plan.WeightBytes + plan.WorkspaceBytes + plan.ScratchBytes);
    }

    [Fact]
    public void Every_device_holds_each_matrix_once()
    {
        using var weights = RandomWeights.Create("gpt2");
        // Without a prefix, which would be a pass more.
        var data = RandomExamples.DifferingAt(7, 100, count: 4, length: 6, 0);
        using var host = PlanningDevice.Host(Plenty);
        using var gpu = PlanningDevice.Gpu("GPU", Plenty);
        // A point a pass.
        (gpu.Limits, host.Limits) = (gpu.Limits with { RowsOfPass = 1 }, host.Limits with { RowsOfPass = 1 });
        var (onHost, onGpu) = (RunPlanner.Plan(host, weights, data, new()), RunPlanner.Plan(gpu, weights, data, new()));
        const long Matrices = 12L * 12 * 768 * 768 * 4;
        // Of the tables the host fills up 32 rows.
        Assert.InRange(onHost.WeightBytes - onGpu.WeightBytes, 0, 2 * 32 * 768 * 4);
        Assert.InRange(onHost.WeightBytes, Matrices, Matrices + (51_000L + 1024) * 768 * 4);
        Assert.Equal(onHost.WorkspaceBytes, onGpu.WorkspaceBytes);
        Assert.Equal(onHost.WeightBytesRead, onGpu.WeightBytesRead);
        // Six forwards and five backwards over one micro-batch, which end before the projection of the first layer.
        const long Projection = 3L * 768 * 768 * 4;
        Assert.Equal((6 * Matrices) + (5 * (Matrices - Projection)), onGpu.WeightBytesRead);
        // Five points in one pass beside that of the other end.
        gpu.Limits = gpu.Limits with { RowsOfPass = 1000 };
        Assert.Equal((2 * Matrices) + Matrices - Projection, RunPlanner.Plan(gpu, weights, data, new()).WeightBytesRead);
    }

    /// <summary>Of weights of 16 bits nothing is widened and nothing held twice, so that a model of eight billion parameters (15 GiB of them) runs in 24 GiB.</summary>
    [Theory]
    [InlineData(MetricKind.LogitDifference)]
    [InlineData(MetricKind.KullbackLeibler)]
    public void A_model_of_eight_billion_parameters_takes_20_GiB_at_most(MetricKind metric)
    {
        using var weights = RandomWeights.Create("llama-8b");
        using var host = PlanningDevice.Host(1L << 35);
        var plan = RunPlanner.Plan(host, weights, RandomExamples.Create(7, 100, count: 20), new() { Metric = metric });
        Assert.InRange(plan.WeightBytes + plan.WorkspaceBytes + plan.ScratchBytes, 15L << 30, 20L << 30);
    }

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        using var weights = RandomWeights.Create("gpt2");
        var data = RandomExamples.Create(7, 100, count: 4);
        using var small = PlanningDevice.Gpu("small GPU", 1 << 20);
        Assert.Contains("small GPU: the parameters take", Assert.Throws<InputException>(() => RunPlanner.Plan(small, weights, data, new())).Message, StringComparison.Ordinal);
        using var gpu = PlanningDevice.Gpu("GPU", Plenty);
        Assert.Contains("needs", Assert.Throws<InputException>(() => RunPlanner.Plan(gpu, weights, data, new() { MemoryBytes = 1000 })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_passes_of_a_path_count_both_ends()
    {
        Assert.Equal((6, 5), RunPlanner.PassesOf(IntegrationRule.Left.Points(5)));
        Assert.Equal((7, 5), RunPlanner.PassesOf(IntegrationRule.Midpoint.Points(5)));
        Assert.Equal((2, 1), RunPlanner.PassesOf(IntegrationRule.Right.Points(1)));
        Assert.Null(RunPlanner.PassesOf([.. IntegrationRule.Right.Points(1).Select(p => p with { Stage = 1 })]));
        Assert.Null(RunPlanner.PassesOf([.. IntegrationRule.Right.Points(1).Select(p => p with { Dropped = 0 })]));
    }
}
