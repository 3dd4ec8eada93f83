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
    // Of processors; by the clock only a process that hangs is told from one on a busy machine.
    private static readonly TimeSpan MostWork = TimeSpan.FromSeconds(30), Hang = TimeSpan.FromMinutes(10), Tick = TimeSpan.FromMilliseconds(20);
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
        var clock = Stopwatch.StartNew();
        while (!process.WaitForExit(Tick))
        {
            var (memory, work) = Taken(process);
            if (memory < MostMemory && work < MostWork && clock.Elapsed < Hang) continue;
            process.Kill();
            Assert.Fail($"{string.Join(' ', args)} has taken {memory:N0} bytes and {work.TotalSeconds:F1} s of processors in {clock.Elapsed.TotalSeconds:F1} s");
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

    private static (long PeakMemory, TimeSpan Work) Taken(Process process)
    {
        try
        {
            process.Refresh();
            return (process.PeakWorkingSet64, process.TotalProcessorTime);
        }
        catch (InvalidOperationException)
        {
            // It has ended since it was last waited for.
            return default;
        }
    }

    [Fact]
    public void Every_file_has_a_case() => Assert.All(
        Directory.GetFileSystemEntries(Folder).Select(path => Path.GetFileName(path)!).Where(name => name != "cases.json"),
        name => Assert.Contains(Cases, row => ((string[])row[0]).Any(arg => arg.Split('/')[0] == name)));
}
