using Faith.Engine.Circuits;
using Faith.Engine.Graphs;
using Faith.Engine.ScoreFiles;

namespace Faith.Engine.Reports;

/// <summary>A run in a report: what is known of it; anything but its names may be missing.</summary>
public sealed record ReportRun
{
    /// <summary>The model.</summary>
    public required string Model { get; init; }
    /// <summary>The task: runs of one model and task share a plot.</summary>
    public required string Task { get; init; }
    /// <summary>How it was found, without the seed: runs that are the same but for the seed share a colour.</summary>
    public required string Method { get; init; }
    /// <summary>Which sample of the data.</summary>
    public int Seed { get; init; }
    /// <summary>The scores of its edges.</summary>
    public EdgeScores? Scores { get; init; }
    /// <summary>Their standard errors, laid out as the scores.</summary>
    public double[]? StandardErrors { get; init; }
    /// <summary>How often resamples of the examples select its edges; null where nobody looked.</summary>
    public StabilityFile? Stability { get; init; }
    /// <summary>A circuit that was selected already.</summary>
    public Circuit? Selected { get; init; }
    /// <summary>How circuits are selected.</summary>
    public EdgeSelection Selection { get; init; } = new();
    /// <summary>By score rather than by its size.</summary>
    public bool Signed { get; init; }
    /// <summary>Circuits by size.</summary>
    public IReadOnlyList<ReportPoint> Curve { get; init; } = [];
    /// <summary>The metric of the clean run by example.</summary>
    public IReadOnlyList<double> Clean { get; init; } = [];
    /// <summary>The metric of the corrupted run by example.</summary>
    public IReadOnlyList<double> Corrupted { get; init; } = [];
    /// <summary>The first examples in words.</summary>
    public IReadOnlyList<ReportPrompt> Prompts { get; init; } = [];
    /// <summary>Seconds that the scores took.</summary>
    public double? Seconds { get; init; }
    /// <summary>What speaks against it, in sentences.</summary>
    public IReadOnlyList<string> Doubts { get; init; } = [];
    /// <summary>How it was run, name and value.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Record { get; init; } = [];
}
