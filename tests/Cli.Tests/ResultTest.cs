using System.Globalization;
using System.Text.Json;
using Xunit;

namespace Faith.Cli.Tests;

/// <summary>Compares what whole commands write on one device and on another.</summary>
public abstract class ResultTest : CliTest
{
    protected const string Data = """
        {"clean": [1, 2, 3, 4], "corrupted": [1, 5, 3, 4], "answers": [6], "distractors": [7]}
        {"clean": [1, 8, 9, 4, 2], "corrupted": [1, 8, 3, 4, 2], "answers": [10, 11], "distractors": [12]}
        {"clean": [3, 2, 9], "corrupted": [4, 2, 9], "answers": [5], "distractors": [12]}
        """;

    // What says how a run was made, not what it gave.
    private static readonly string[] Circumstances = ["device", "seconds", "phases", "workspace_bytes", "trials_per_second"];

    private static readonly string[] Ratios = ["completeness_gap", "faithfulness"];

    // Parameters so large that what is compared is not the rounding of numbers that are nearly equal.
    private protected string Model(string family, TinyModel.Numbers numbers = TinyModel.Numbers.Single)
    {
        var folder = At(numbers == TinyModel.Numbers.Single ? family : $"{family}-{numbers}");
        return family == "llama" ? TinyModel.WriteLlama(folder, 1, numbers) : TinyModel.Write(folder, 1, numbers);
    }

    /// <summary>What a file of scores says but for the line that tells how they were made.</summary>
    protected string[] Scores(string file) => [.. File.ReadLines(At(file)).Where(line => !line.StartsWith("\"run\"", StringComparison.Ordinal))];

    protected JsonElement Json(string name) => JsonDocument.Parse(File.ReadAllText(At(name))).RootElement;

    /// <summary>
    /// Both files say the same, but for numbers, which may differ by <paramref name="tolerance"/> of the largest beside them; ratios of
    /// small differences by ten times that.
    /// </summary>
    protected void AssertSame(string expected, string actual, double tolerance = 1e-5)
    {
        var (one, other) = (Leaves(expected), Leaves(actual));
        Assert.Equal(one.Select(l => l.Path), other.Select(l => l.Path));
        var largest = one.Where(l => l.Number is not null).GroupBy(l => l.Part).ToDictionary(g => g.Key, g => g.Max(l => Math.Abs(l.Number!.Value)));
        foreach (var (a, b) in one.Zip(other))
        {
            Assert.Equal((a.Path, a.Text), (b.Path, b.Text));
            if (a.Number is not { } x) continue;
            var allowed = tolerance * (Ratios.Any(r => a.Path.Contains(r, StringComparison.Ordinal)) ? 10 * Math.Max(1, Math.Abs(x)) : largest[a.Part]);
            Assert.True(Math.Abs(x - b.Number!.Value) <= allowed, string.Create(CultureInfo.InvariantCulture, $"{a.Path} is {x:R} and {b.Number:R}"));
        }
    }

    /// <summary>A number or a text of a file.</summary>
    private sealed record Leaf(string Path, double? Number, string Text)
    {
        /// <summary>What it is an element of: the property of the file.</summary>
        public string Part => Path.Split('.', '[')[1];
    }

    private Leaf[] Leaves(string file)
    {
        if (!file.EndsWith(".csv", StringComparison.Ordinal)) return [.. Leaves(Json(file), "$")];
        var lines = File.ReadAllLines(At(file)).Select(line => line.Split(',')).ToArray();
        return [.. lines[1..].SelectMany((line, row) => line.Select((cell, i) => double.TryParse(cell, CultureInfo.InvariantCulture, out var number)
            ? new Leaf($"$.{lines[0][i]}[{row}]", number, "") : new Leaf($"$.{lines[0][i]}[{row}]", null, cell)))];
    }

    private static IEnumerable<Leaf> Leaves(JsonElement element, string path) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().Where(p => !Circumstances.Contains(p.Name)).SelectMany(p => Leaves(p.Value, $"{path}.{p.Name}")),
        JsonValueKind.Array => element.EnumerateArray().SelectMany((e, i) => Leaves(e, $"{path}[{i}]")),
        JsonValueKind.Number => [new(path, element.GetDouble(), "")],
        _ => [new(path, null, element.ToString())],
    };
}
