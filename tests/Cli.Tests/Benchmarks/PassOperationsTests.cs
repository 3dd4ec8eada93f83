using Faith.Cli.Benchmarks;
using Faith.Engine.Models;
using Faith.Engine.Passes;
using Faith.Kernels;
using Faith.Kernels.Host;
using Xunit;

namespace Faith.Cli.Tests.Benchmarks;

/// <summary>The list of operations that is timed: complete, and true about what it counts.</summary>
public sealed class PassOperationsTests
{
    private const int Rows = 11, Tokens = 4, Steps = 2;

    // Two key heads of four; the other family has what this one lacks.
    private static ModelWeights Llama() => RandomWeights.Create(RandomWeights.Create("stories260k").Config with { Layers = 2 }, WeightPrecision.Float32);
    private static ModelWeights Gpt2() => RandomWeights.Create(RandomWeights.Create("gpt2").Config with { Layers = 2, Width = 24, Heads = 3, KeyValueHeads = 3, HeadDim = 8, MlpWidth = 96, Vocabulary = 50 }, WeightPrecision.BFloat16);

    [Fact]
    public void EveryOperationOfADeviceIsInTheList()
    {
        Type[] operands = [typeof(Tensor), typeof(ScoreContraction)];
        var wanted = typeof(Device).GetMethods().Where(m => m.IsVirtual && m.GetParameters().Any(p => operands.Contains(p.ParameterType))).Select(m => m.Name).Distinct().Order();
        var (listed, epilogues) = (new List<string>(), new List<string>());
        foreach (var weights in (ModelWeights[])[Gpt2(), Llama()])
        {
            using var device = PlanningDevice.Host(long.MaxValue);
            using var model = new Transformer(device, weights);
            using var operations = new PassOperations(model, WeightPrecision.Float32, Rows, Tokens, Steps);
            listed.AddRange(operations.All.Select(o => o.Name.Split(' ', ',')[0]));
            epilogues.AddRange(operations.All.Select(o => o.Name.Split(", then ")).Where(parts => parts.Length > 1).Select(parts => parts[1]));
        }
        Assert.Equal(wanted, listed.Distinct().Order());
        string[] followed = ["Activate, GeluTanh", "Activate, GeluTanh, Ratio", "Activate, gated Silu", "Backward, GeluTanh", "Backward, gated Silu", "Backward, gated Silu, Ratio"];
        Assert.Equal(followed.Order(), epilogues.Order());
    }

    [Theory]
    [InlineData("gpt2", 2)]
    [InlineData("llama", 4)]
    public void ProductsCountWhatTheDeviceIssuesAndOperationsCanBeRepeated(string family, int elementBytes)
    {
        using var weights = family == "gpt2" ? Gpt2() : Llama();
        using var device = new HostDevice(1);
        using var model = new Transformer(device, weights);
        var precision = elementBytes == 2 ? WeightPrecision.BFloat16 : WeightPrecision.Float32;
        using var operations = new PassOperations(model, precision, Rows, Tokens, Steps);
        foreach (var operation in operations.All)
        {
            var before = device.MatrixFlops;
            operation.Run();
            if (operation.Name.StartsWith("Multiply", StringComparison.Ordinal) && operation.Flops > 0) Assert.Equal(operation.Flops, device.MatrixFlops - before);
            for (var i = 0; i < 3; i++) operation.Run();
            Assert.InRange(operation.Bytes, 4, 1e9);
        }
        var (d, p) = (weights.Config.Width, weights.Config.ProjectionWidth);
        Assert.Equal(Rows * 4.0 * (d + p) + (double)d * p * elementBytes, operations.All.Single(o => o.Name == $"Multiply projection {d} → {p}").Bytes);
    }

    [Fact]
    public void TheLastSequenceHasWhatIsLeft()
    {
        using var device = PlanningDevice.Host(long.MaxValue);
        using var model = new Transformer(device, Gpt2());
        using var operations = new PassOperations(model, WeightPrecision.BFloat16, Rows, Tokens, Steps);
        // Pairs of sequences of 4, 4 and 3 rows.
        Assert.Equal(4.0 * 24 * (10 + 10 + 6), operations.All.Single(o => o.Name == "AttentionForward").Flops);
    }
}
