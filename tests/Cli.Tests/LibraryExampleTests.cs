using System.Text.RegularExpressions;
// <using>
using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Metrics;
using Faith.Engine.Models;
using Faith.Engine.Passes;
using Faith.Engine.Tasks;
using Faith.Engine.Tokenizers;
using Faith.Kernels;
// </using>
using Faith.PtxInterpreter;
using Xunit;

namespace Faith.Cli.Tests;

/// <summary>The example of use as a library: it runs, and the documents show exactly what runs here.</summary>
[Collection(SimulatedCuda.Name)]
public sealed partial class LibraryExampleTests
{
    private const string Source = "tests/Cli.Tests/LibraryExampleTests.cs";

    // The example takes the best device that there is, and is not to end up in the simulation.
    public LibraryExampleTests()
    {
        if (SimulatedLibrary.IsSupported) SimulatedCuda.HideGpus();
    }

    [Fact]
    public void The_example_runs()
    {
        // <example>
        var folder = ModelCatalog.Resolve("tasks-4l");
        using var weights = ModelLoader.Load(folder);
        using var device = Devices.Open();
        using var model = new Transformer(device, weights);
        var tokenizer = TokenizerLoader.TryLoad(folder)!;
        var data = TaskData.Load(TaskCatalog.Find("ioi"), 100, seed: 0, TaskSplit.HeldOut, tokenizer, weights.Config).Prompts;

        var result = Attributor.Run(model, data, new() { Method = "eap-ig", Steps = 5 });
        var circuit = CircuitSelection.Greedy(result.Scores, edges: 150, signed: false);
        var faithfulness = CircuitEvaluator.Evaluate(model, data, [circuit], MetricKind.LogitDifference)[0];

        Console.WriteLine($"{circuit.EdgeCount} of {model.Graph.Edges} edges keep {faithfulness.Normalised:0%} of the behaviour");
        // </example>
        Assert.InRange(faithfulness.Normalised, 0.5, 1.2);
    }

    [Theory]
    [InlineData("docs/library.md")]
    [InlineData("README.md")]
    public void The_documents_show_it(string path)
    {
        var blocks = Blocks().Matches(Read(path)).Select(m => m.Groups[1].Value.Trim()).ToArray();
        var source = Read(Source);
        Assert.Contains($"{Between(source, "using")}\n\n{Between(source, "example")}", blocks);
    }

    private static string Between(string source, string tag)
    {
        var start = source.IndexOf($"// <{tag}>", StringComparison.Ordinal);
        var lines = source[start..source.IndexOf($"// </{tag}>", start, StringComparison.Ordinal)].Split('\n')[1..^1];
        var indent = lines[0].Length - lines[0].TrimStart().Length;
        return string.Join('\n', lines.Select(line => line.Length > indent ? line[indent..] : ""));
    }

    private static string Read(string path)
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Engine.sln"))) folder = folder.Parent!;
        return File.ReadAllText(Path.Combine(folder.FullName, path)).ReplaceLineEndings("\n");
    }

    [GeneratedRegex(@"```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Blocks();
}
