using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json;
using Xunit;

namespace Faith.Cli.Tests;

/// <summary>Sweeps of the shipped model on a few examples.</summary>
public abstract class SweepTest : CliTest
{
    /// <summary>Twelve cells.</summary>
    protected const string Study = """
        models: [tasks-4l]
        data: [ioi, sva]
        examples: 4
        methods:
          - eap
          - eap-ig: {steps: [2, 3]}
        selections: [top, greedy]
        edges: [20, 100, 400]
        """;

    /// <summary>Plans a study in a folder of its own.</summary>
    protected string Plan(string study, string name)
    {
        var folder = At(name);
        Done("sweep", "plan", Write("study.yaml", study), "--out", folder);
        return folder;
    }

    /// <summary>The ids of a manifest.</summary>
    protected static string[] Ids(string folder) => [.. File.ReadAllLines(Path.Combine(folder, "manifest.jsonl")).Select(line => JsonDocument.Parse(line).RootElement.GetProperty("id").GetString()!)];

    /// <summary>Every file under a folder with the hash of its content.</summary>
    protected static string[] Files(string folder) =>
        [.. Directory.GetFiles(folder, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.None }).Order(StringComparer.Ordinal).Select(f => $"{Path.GetRelativePath(folder, f)} {Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(f)))}")];

    /// <summary>Starts the program as a process of its own, without waiting for it.</summary>
    protected Process StartProcess(params string[] args) => Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "faith.dll"), .. args])
    {
        RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Folder,
    })!;

    /// <summary>Waits for a process, and returns its exit code and what it wrote.</summary>
    protected static Outcome Wait(Process process)
    {
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        process.WaitForExit();
        Task.WaitAll(output, error);
        return new(process.ExitCode, output.Result, error.Result);
    }

    /// <summary>Merges a sweep and returns the table.</summary>
    protected string Merged(string folder)
    {
        Done("sweep", "merge", folder, "--out", At("merged.csv"));
        return File.ReadAllText(At("merged.csv"));
    }
}
