using System.Globalization;
using System.Runtime.InteropServices;

namespace Faith.Cli;

/// <summary>The number of files that the system lets the process hold open (ulimit -n).</summary>
internal static partial class OpenFiles
{
    /// <summary>The runtime's own libraries, the streams and a checkpoint's shards; below it, what fails first is a matter of chance.</summary>
    private const ulong Fewest = 128;

    // Of getrlimit(2) on Linux.
    private const int NumberOfFiles = 7;

    /// <summary>Where so few are allowed that a run would end in an error of the runtime: what to say. This is asked before anything else is loaded.</summary>
    public static string? TooFew() => !OperatingSystem.IsLinux() || GetLimit(NumberOfFiles, out var limit) != 0 || limit.Current >= Fewest ? null : string.Create(CultureInfo.InvariantCulture,
        $"only {limit.Current} files may be open at once here; at least {Fewest} are needed: ulimit -n {8 * Fewest} before the command allows them");

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct Limit
    {
        public readonly ulong Current, Most;
    }

    [LibraryImport("libc", EntryPoint = "getrlimit")]
    private static partial int GetLimit(int resource, out Limit limit);
}
