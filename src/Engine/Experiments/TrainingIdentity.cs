using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Faith.Engine.Graphs;
using Faith.Engine.Passes;

namespace Faith.Engine.Experiments;

/// <summary>What a training is: all that determines its scores to the bit, by contents and not by names of files.</summary>
public static partial class TrainingIdentity
{
    private static readonly string[] Names = ["model", "data", "ablation-data"];

    /// <summary>The identity, name=value a line.</summary>
    /// <param name="run">The run.</param>
    /// <param name="model">The model on its device, whose kind counts and whose number of threads does not.</param>
    public static string Of(LoadedRun run, Transformer model)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(model);
        var settings = RunSettings.All.Where(s => !Names.Contains(s.Name)).Select(s => (s.Name, Value: s.Get(run.Specification with { Sizes = null })));
        (string, string?)[] contents =
        [
            ("version", ProgramVersion.Text), ("device", Threads().Replace(model.Device.Name, "")), ("model-hash", model.Hash), ("data-hash", run.Data.Hash),
            ("prompts", run.Data.Count.ToString(CultureInfo.InvariantCulture)), ("ablation-data-hash", run.AblationData?.Hash), ("warm-start", run.Specification.Scoring.WarmStart is { } start ? Hash(start) : null),
        ];
        return string.Concat(settings.Concat(contents).Where(s => s.Item2 is not null).Select(s => $"{s.Item1}={s.Item2}\n"));
    }

    private static string Hash(EdgeScores scores) => Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes<double>(scores.Values)));

    [GeneratedRegex(", [0-9]+ threads?")]
    private static partial Regex Threads();
}
