using System.Text.RegularExpressions;

namespace Faith.Cli;

/// <summary>What may stand in a Slurm script: it is a shell script, so nothing else may.</summary>
internal static partial class SlurmForms
{
    /// <summary>A wall time: minutes, minutes:seconds, hours:minutes:seconds, days-hours, with minutes and seconds or without.</summary>
    public static bool IsTime(string text) => Time().IsMatch(text);

    /// <summary>Names of partitions, with commas.</summary>
    public static bool IsName(string text) => Name().IsMatch(text);

    [GeneratedRegex(@"\A(?:\d{1,9}(?::\d{1,2}){0,2}|\d{1,5}-\d{1,2}(?::\d{1,2}){0,2})\z")]
    private static partial Regex Time();

    [GeneratedRegex(@"\A[\w.,-]{1,200}\z")]
    private static partial Regex Name();
}
