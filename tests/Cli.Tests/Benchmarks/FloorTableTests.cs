using System.Globalization;
using Faith.Cli.Benchmarks;
using Faith.Engine.Models;
using Faith.Engine.Passes;
using Faith.Kernels;
using Xunit;

namespace Faith.Cli.Tests.Benchmarks;

/// <summary>The table of floors in docs/gpu.md: what <see cref="PassOperations"/> counts, over what two GPUs are said to reach.</summary>
public sealed class FloorTableTests
{
    private const string Header = "| operation | MB, 160 rows | GFLOP | H100 | RTX 4090 | MB, 1024 rows | GFLOP | H100 | RTX 4090 |";
    private const int Steps = 5;
    private static readonly (double Bandwidth, double Flops) H100 = (3.35e12, 66.9e12), Rtx4090 = (1.01e12, 82.6e12);

    [Fact]
    public void TheDocumentHoldsIt()
    {
        using var gpt2 = RandomWeights.Create("gpt2");
        using var llama = RandomWeights.Create(RandomWeights.Create("stories110m").Config with { Layers = 1, KeyValueHeads = 4, Vocabulary = 64, Context = 64 }, WeightPrecision.Float32);
        var table = Rows(gpt2, _ => true).ToList();
        // Of the other family what the first lacks.
        table.AddRange(Rows(llama, name => name is "Rotary" or "SumHeadGroups" || name.Contains("Silu", StringComparison.Ordinal)));
        var expected = string.Join('\n', table.Prepend("|---|---|---|---|---|---|---|---|---|").Prepend(Header));
        Assert.True(File.ReadAllText(Path.Combine(Root(), "docs", "gpu.md")).ReplaceLineEndings("\n").Contains($"\n\n{expected}\n\n", StringComparison.Ordinal),
            $"docs/gpu.md should hold this table:\n{expected}");
    }

    private static IEnumerable<string> Rows(ModelWeights weights, Func<string, bool> wanted)
    {
        using var device = PlanningDevice.Gpu("GPU", 1L << 50);
        using var model = new Transformer(device, weights);
        using PassOperations few = new(model, WeightPrecision.Float32, 160, 16, Steps), many = new(model, WeightPrecision.Float32, 1024, 64, Steps);
        foreach (var (a, b) in few.All.Zip(many.All))
        {
            Assert.Equal(a.Name, b.Name);
            if (wanted(a.Name)) yield return $"| {a.Name} | {Cells(a)} | {Cells(b)} |";
        }
    }

    private static string Cells(PassOperation o) =>
        string.Create(CultureInfo.InvariantCulture, $"{o.Bytes / 1e6:0.0} | {o.Flops / 1e9:0.00} | {Floor(o, H100)} | {Floor(o, Rtx4090)}");

    // Microseconds, and what binds.
    private static string Floor(PassOperation o, (double Bandwidth, double Flops) gpu)
    {
        var (memory, arithmetic) = (1e6 * o.Bytes / gpu.Bandwidth, 1e6 * o.Flops / gpu.Flops);
        return Math.Max(memory, arithmetic).ToString(Math.Max(memory, arithmetic) < 10 ? "0.0" : "0", CultureInfo.InvariantCulture) + (memory >= arithmetic ? " m" : " a");
    }

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Engine.sln"))) folder = folder.Parent!;
        return folder.FullName;
    }
}
