using System.Globalization;
using System.Text;

namespace Faith.Engine.Sweeps;

/// <summary>A job-array script for Slurm: SLURM_ARRAY_TASK_ID is the shard.</summary>
/// <param name="Program">The command that starts the program.</param>
/// <param name="Folder">The folder of the sweep, as jobs see it.</param>
/// <param name="Tasks">Tasks of the array.</param>
public sealed record SlurmScript(IReadOnlyList<string> Program, string Folder, int Tasks)
{
    /// <summary>GPUs of a task; 0 for none.</summary>
    public int Gpus { get; init; }
    /// <summary>CPUs of a task; null: as the cluster gives.</summary>
    public int? Cpus { get; init; }
    /// <summary>Memory of a task in MiB; null: as the cluster gives.</summary>
    public long? MemoryMebibytes { get; init; }
    /// <summary>Most wall time, in Slurm's form; null: as the cluster gives.</summary>
    public string? Time { get; init; }
    /// <summary>The partition; null: the cluster's own choice.</summary>
    public string? Partition { get; init; }

    /// <summary>The script.</summary>
    public string ToText()
    {
        var text = new StringBuilder("#!/bin/bash\n");
        text.Append("#SBATCH --job-name=faith-sweep\n");
        text.Append(CultureInfo.InvariantCulture, $"#SBATCH --array=0-{Tasks - 1}\n");
        if (Partition is not null) text.Append(CultureInfo.InvariantCulture, $"#SBATCH --partition={Partition}\n");
        if (Gpus > 0) text.Append(CultureInfo.InvariantCulture, $"#SBATCH --gpus-per-task={Gpus}\n#SBATCH --ntasks=1\n");
        if (Cpus is { } cpus) text.Append(CultureInfo.InvariantCulture, $"#SBATCH --cpus-per-task={cpus}\n");
        if (MemoryMebibytes is { } memory) text.Append(CultureInfo.InvariantCulture, $"#SBATCH --mem={memory}M\n");
        if (Time is not null) text.Append(CultureInfo.InvariantCulture, $"#SBATCH --time={Time}\n");
        text.Append("#SBATCH --requeue\n");
        text.Append("# What is done stays done: submit the script again after a failure, and only what is left runs.\n");
        var device = Gpus > 1 ? " --device cuda:all" : "";
        text.Append(CultureInfo.InvariantCulture, $"exec {string.Join(' ', Program.Select(Quote))} sweep run {Quote(Folder)} --shard \"$SLURM_ARRAY_TASK_ID/{Tasks}\"{device}\n");
        return text.ToString();
    }

    // A word of the shell that stands for itself.
    private static string Quote(string text) => text.Length > 0 && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '/' or '.' or '-' or '_' or ':' or '+' or '=' or ',') ? text : $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
