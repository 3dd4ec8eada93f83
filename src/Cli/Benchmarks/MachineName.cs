using System.Runtime.InteropServices;

namespace Faith.Cli.Benchmarks;

/// <summary>The processor, for tables of times.</summary>
internal static class MachineName
{
    private const string CpuInfo = "/proc/cpuinfo";

    /// <summary>Its model where the system tells, else its architecture; and how many cores are visible.</summary>
    public static string Text => $"{Model() ?? RuntimeInformation.ProcessArchitecture.ToString()}, {Environment.ProcessorCount} cores";

    private static string? Model()
    {
        if (!File.Exists(CpuInfo)) return Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER");
        var line = File.ReadLines(CpuInfo).FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal));
        return line?[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
    }
}
