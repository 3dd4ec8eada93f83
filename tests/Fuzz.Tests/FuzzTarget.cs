using Faith.Fuzz.Tests.Targets;

namespace Faith.Fuzz.Tests;

/// <summary>What cases are given to.</summary>
/// <param name="Name">What FAITH_FUZZ_TARGET calls it.</param>
/// <param name="Share">Its part of all cases, in thousandths.</param>
/// <param name="Create">Makes one for a thread, with files of its own.</param>
internal sealed record FuzzTarget(string Name, int Share, Func<ITarget> Create)
{
    /// <summary>Every target.</summary>
    public static IReadOnlyList<FuzzTarget> All { get; } =
    [
        new("config", 120, Readers.Config),
        new("weights", 140, Readers.Weights),
        new("torch", 80, Readers.Torch),
        new("shards", 70, Readers.Shards),
        new("tokenizer", 120, Readers.Tokenizer),
        new("gpt2-tokenizer", 60, Readers.Gpt2Tokenizer),
        new("jsonl", 90, Readers.JsonLines),
        new("parquet", 40, Readers.Parquet),
        new("csv", 80, Readers.Csv),
        new("verbs", 30, Readers.Verbs),
        new("scores", 130, Readers.Scores),
        new("torch-scores", 60, Readers.SavedScores),
        new("checkpoint", 20, CheckpointReader.Create),
        new("study", 40, SweepReaders.Studies),
        new("manifest", 20, SweepReaders.Manifests),
        new("report", 30, SweepReaders.Reports),
        new("submission", 30, BenchmarkReaders.Submissions),
        new("mib-result", 20, BenchmarkReaders.Results),
        new("dataset-card", 20, BenchmarkReaders.Cards),
        new("command-model", 40, () => new CommandTarget(CommandTarget.Model)),
        new("command-data", 35, () => new CommandTarget(CommandTarget.Data)),
        new("command-scores", 35, () => new CommandTarget(CommandTarget.Scores)),
        new("command-line", 50, () => new CommandLineTarget()),
    ];
}
