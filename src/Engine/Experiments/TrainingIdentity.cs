using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Faith.Engine.Data;
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
    /// <param name="data">The examples.</param>
    /// <param name="ablationData">Where the ablation comes from; null: the data.</param>
    /// <param name="start">What training starts from; null: all edges alike.</param>
    public static string Of(RunSpecification run, Transformer model, PromptSet data, PromptSet? ablationData, EdgeScores? start)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(data);
        var settings = RunSettings.All.Where(s => !Names.Contains(s.Name)).Select(s => (s.Name, Value: s.Get(run with { Sizes = null })));
        (string, string?)[] contents =
        [
            ("version", ProgramVersion.Text), ("device", Threads().Replace(model.Device.Name, "")), ("model-hash", model.Hash), ("data-hash", data.Hash),
            ("prompts", data.Count.ToString(CultureInfo.InvariantCulture)), ("ablation-data-hash", ablationData?.Hash), ("warm-start", start is null ? null : Hash(start)),
        ];
        return string.Concat(settings.Concat(contents).Where(s => s.Item2 is not null).Select(s => $"{s.Item1}={s.Item2}\n"));
    }

    private static string Hash(EdgeScores scores) => Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes<double>(scores.Values)));

    [GeneratedRegex(", [0-9]+ threads?")]
    private static partial Regex Threads();
}
