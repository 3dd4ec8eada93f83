using System.Diagnostics;
using System.Text.Json;
using Faith.Engine;
using Xunit;

namespace Faith.Fuzz.Tests;

/// <summary>Files that once crashed the program, misled or cost gigabytes, each given to a process of its own: Corpus/cases.json says how, and what must come of it.</summary>
public sealed class CorpusTests
{
    private const int LongestLine = 1000;
    private const long MostMemory = 512L << 20;
    private static readonly TimeSpan MostTime = TimeSpan.FromSeconds(30), Tick = TimeSpan.FromMilliseconds(20);
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Corpus");

    private static JsonElement[] All { get; } = [.. JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, "cases.json"))).RootElement.EnumerateArray()];

    public static TheoryData<string[], int, string> Cases
    {
        get
        {
            var cases = new TheoryData<string[], int, string>();
            foreach (var one in All) cases.Add([.. one.GetProperty("args").EnumerateArray().Select(arg => arg.GetString()!)], one.GetProperty("code").GetInt32(), one.GetProperty("says").GetString()!);
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task A_known_fault_is_mended(string[] args, int code, string says)
    {
        using var process = Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "faith.dll"), .. args])
        {
            RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Folder,
        })!;
        var (reading, complaining) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        var (clock, memory) = (Stopwatch.StartNew(), 0L);
        while (!process.WaitForExit(Tick))
        {
            memory = Math.Max(memory, PeakOf(process));
            if (memory < MostMemory && clock.Elapsed < MostTime) continue;
            process.Kill();
            Assert.Fail($"{string.Join(' ', args)} has taken {memory:N0} bytes and {clock.Elapsed.TotalSeconds:F1} s");
        }
        var (output, error) = (await reading, await complaining);

        Assert.True(process.ExitCode == code, $"returned {process.ExitCode}: {error}");
        Assert.Contains(says, output + error, StringComparison.Ordinal);
        Assert.Equal(PlainText.Lines(output + error), output + error);
        var lines = error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.All(lines, line => Assert.True(line.StartsWith("faith: ", StringComparison.Ordinal) && line.Length <= LongestLine, line));
        Assert.Distinct(lines);
        if (code != 0) Assert.Single(lines);
    }

    private static long PeakOf(Process process)
    {
        try
        {
            process.Refresh();
            return process.PeakWorkingSet64;
        }
        catch (InvalidOperationException)
        {
            // It has ended since it was last waited for.
            return 0;
        }
    }

    [Fact]
    public void Every_file_has_a_case() => Assert.All(
        Directory.GetFileSystemEntries(Folder).Select(path => Path.GetFileName(path)!).Where(name => name != "cases.json"),
        name => Assert.Contains(Cases, row => ((string[])row[0]).Any(arg => arg.Split('/')[0] == name)));
}
