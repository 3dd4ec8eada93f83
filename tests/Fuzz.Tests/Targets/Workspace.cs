using System.Text;
using System.Text.Json;
using Faith.Cli;
using Faith.Engine;
using Faith.Engine.Tests.Models;
using Xunit;

namespace Faith.Fuzz.Tests.Targets;

/// <summary>Two tiny models, data, scores and a circuit in a folder, and the program run on them in this process.</summary>
internal sealed class Workspace : IDisposable
{
    private const int LongestLine = 1000;

    private readonly TemporaryDirectory directory = new();
    private readonly Dictionary<string, byte[]> originals;

    public Workspace()
    {
        foreach (var (name, model) in ((string, TinyModel)[])[(Gpt2, TinyModel.Gpt2().As("F16")), (Llama, TinyModel.Llama().As("BF16"))])
        {
            Directory.CreateDirectory(At(name));
            if (name == Gpt2) model.Write(At(name));
            else model.WriteShards(At(name), 2);
            File.WriteAllText(At($"{name}/tokenizer.json"), """{"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "c": 2, "d": 3, "e": 4, "f": 5, "g": 6, "h": 7, "i": 8, "j": 9}, "merges": []}}""");
        }
        File.WriteAllText(At("ids.jsonl"), """
            {"clean": [1, 2, 3, 4], "corrupted": [1, 5, 3, 4], "answers": [6], "distractors": [7]}
            {"clean": [4, 2, 3], "corrupted": [4, 2, 6], "answers": [1, 8], "distractors": [2]}

            """);
        File.WriteAllText(At("text.jsonl"), """{"clean": "abcd", "corrupted": "abdd", "answers": ["e"], "distractors": ["f"]}""" + "\n");
        File.WriteAllText(At("data.csv"), "clean,corrupted,correct_idx,incorrect_idx\nabcd,abdd,4,5\n\"bcd\",\"bcc\",1,2\n");
        foreach (var model in (string[])[Gpt2, Llama])
        {
            Assert.True(Run(["attribute", .. On(model), "--level", "neuron", "--out", At($"{model}.scores.json")], [At($"{model}.scores.json")]));
            Assert.True(Run(["circuit", "--scores", At($"{model}.scores.json"), "--edges", "20", "--out", At($"{model}.circuit.json")], [At($"{model}.circuit.json")]));
        }
        originals = Contents();
    }

    public const string Gpt2 = "gpt2", Llama = "llama";

    public string Folder => directory.Path;

    public string At(string name) => Path.Combine(directory.Path, name);

    /// <summary>The options that nearly every command has.</summary>
    public string[] On(string model, string data = "ids.jsonl") => ["--model", At(model), "--data", At(data), "--device", "cpu", "--threads", "1"];

    /// <summary>Runs the program and holds it to what it promises: a code, whole lines that a terminal may show, and whole files or none.</summary>
    /// <param name="args">The command line.</param>
    /// <param name="outputs">The files in this folder that it may write.</param>
    /// <param name="limit">Ctrl-C after so long, for command lines that may ask for much work.</param>
    /// <returns>Whether it did what it was asked.</returns>
    public bool Run(string[] args, IReadOnlyCollection<string> outputs, TimeSpan? limit = null)
    {
        var before = Contents();
        using var stop = new CancellationTokenSource();
        if (limit is { } most) stop.CancelAfter(most);
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter { NewLine = "\n" };
        var code = FaithProgram.Run(args, output, error, stop.Token);
        var what = $"{string.Join(' ', args.Select(arg => PlainText.Quote(arg)))} returned {code} and wrote {error}";

        Assert.True(code is 0 or FaithProgram.BadInput || (code == FaithProgram.Interrupted && stop.IsCancellationRequested), what);
        CheckText(output.ToString(), error.ToString(), code, what);
        var after = Contents();
        var changed = before.Keys.Union(after.Keys).Where(path => !before.TryGetValue(path, out var old) || !after.TryGetValue(path, out var now) || !old.AsSpan().SequenceEqual(now)).ToArray();
        Assert.True(changed.Length == 0 || (code == 0 && changed.All(outputs.Contains)), $"{what}; these files were written: {string.Join(", ", changed)}");
        foreach (var path in changed) Assert.True(after.TryGetValue(path, out var content) && IsWhole(Encoding.UTF8.GetString(content)), $"{what}; {path} is not whole");
        return code == 0;
    }

    /// <summary>Makes every file what it was when the folder was made.</summary>
    public void Restore()
    {
        foreach (var (path, content) in Contents())
        {
            if (!originals.TryGetValue(path, out var original)) File.Delete(path);
            else if (!original.AsSpan().SequenceEqual(content)) File.WriteAllBytes(path, original);
        }
    }

    public void Dispose() => directory.Dispose();

    private static void CheckText(string output, string error, int code, string what)
    {
        Assert.True(PlainText.Lines(output) == output, $"{what}; hidden characters in the output: {PlainText.Line(output)}");
        var lines = error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.All(lines, line => Assert.True(line.StartsWith("faith: ", StringComparison.Ordinal) && line.Length <= LongestLine && PlainText.Line(line) == line, what));
        Assert.True(lines.Distinct().Count() == lines.Length, $"{what}; a line comes twice");
        foreach (var words in (string[])["internal error", "too little memory", "Exception"]) Assert.DoesNotContain(words, error, StringComparison.Ordinal);
        if (code == FaithProgram.BadInput) Assert.True(lines.Length == 1 && output.Length == 0, $"{what}; the output was {PlainText.Quote(output)}");
    }

    // JSON, a picture in SVG, HTML or PDF, one for Graphviz, or a table.
    private static bool IsWhole(string text)
    {
        switch (text.FirstOrDefault())
        {
            case '{':
                JsonDocument.Parse(text).Dispose();
                return true;
            case '<':
                return text.TrimEnd().EndsWith("</svg>", StringComparison.Ordinal) || text.TrimEnd().EndsWith("</html>", StringComparison.Ordinal);
            case '%':
                return text.EndsWith("%%EOF\n", StringComparison.Ordinal);
            case 'd':
                return text.TrimEnd().EndsWith('}');
            default:
                return text.EndsWith('\n') && !text.Contains("NaN", StringComparison.Ordinal);
        }
    }

    private Dictionary<string, byte[]> Contents() =>
        Directory.EnumerateFiles(directory.Path, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 }).ToDictionary(path => path, File.ReadAllBytes);
}
