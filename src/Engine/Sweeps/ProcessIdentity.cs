using System.Globalization;

namespace Faith.Engine.Sweeps;

/// <summary>Which process on which machine: enough to tell that it has ended, also when its number has been given to another.</summary>
/// <param name="Host">The machine's name.</param>
/// <param name="Boot">Which start of which machine, and which space of process numbers: containers may have one name and numbers of their own.</param>
/// <param name="Process">The process's number.</param>
/// <param name="Started">When it began, in the system's own count.</param>
public readonly record struct ProcessIdentity(string Host, string Boot, int Process, string Started)
{
    // Fields of /proc/PID/stat after the name, which is in brackets: the state comes first, the start is the twentieth.
    private const int StateField = 0, StartField = 19;

    /// <summary>This process.</summary>
    public static ProcessIdentity Current { get; } = new(Environment.MachineName, BootOfHere(), Environment.ProcessId, StartOf(Environment.ProcessId) ?? "");

    /// <summary>True where this process can tell whether that one lives.</summary>
    public bool IsHere => Host == Current.Host && Boot == Current.Boot;

    /// <summary>True when it is known to have ended.</summary>
    public bool HasEnded => IsHere && StartOf(Process) != Started;

    // Null where there is no such process, or it is dead and only not yet buried.
    private static string? StartOf(int process)
    {
        try
        {
            if (OperatingSystem.IsLinux())
            {
                var stat = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/stat"));
                var fields = stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
                return fields[StateField] is "Z" or "X" ? null : fields[StartField];
            }
            using var found = System.Diagnostics.Process.GetProcessById(process);
            return new DateTimeOffset(found.StartTime).ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }

    private static string BootOfHere()
    {
        if (!OperatingSystem.IsLinux()) return "";
        try
        {
            return $"{File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim()} {new FileInfo("/proc/self/ns/pid").LinkTarget}";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
