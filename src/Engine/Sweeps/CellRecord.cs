using Faith.Engine.Reports;
using Faith.Engine.Graphs;
using Faith.Engine.ScoreFiles;

namespace Faith.Engine.Sweeps;

/// <summary>What a cell gave, but for its scores: everything that a table or a report of it needs.</summary>
public sealed record CellRecord
{
    /// <summary>The id of the cell.</summary>
    public required string Cell { get; init; }
    /// <summary>How it was run: without time and device, which differ from run to run.</summary>
    public required RunRecord Run { get; init; }
    /// <summary>The model's graph.</summary>
    public required ModelGraph Graph { get; init; }
    /// <summary>Whether positions were told apart: the scores are then by span, and edges counted once a span.</summary>
    public bool IsBySpan => Run.Options.ContainsKey("positions");
    /// <summary>The circuits, by size.</summary>
    public required IReadOnlyList<ReportPoint> Curve { get; init; }
    /// <summary>The metric of the clean run by example.</summary>
    public required IReadOnlyList<double> Clean { get; init; }
    /// <summary>The metric of the corrupted or ablated run by example.</summary>
    public required IReadOnlyList<double> Corrupted { get; init; }
    /// <summary>Why faithfulness is not defined; null where it is.</summary>
    public string? Undefined { get; init; }
    /// <summary>What speaks against the scores; null: nothing.</summary>
    public string? Doubt { get; init; }
    /// <summary>Standard errors of the edges' scores in the order of the scores file; null where there are none.</summary>
    public IReadOnlyList<double>? StandardErrors { get; init; }
    /// <summary>The edges whose sign is certain, where the selection asked for them.</summary>
    public IReadOnlyList<EdgeId>? Certain { get; init; }
    /// <summary>How often resamples of the examples select each edge; null where nobody asked.</summary>
    public StabilityFile? Stability { get; init; }
    /// <summary>The first examples in words.</summary>
    public required IReadOnlyList<ReportPrompt> Prompts { get; init; }
    /// <summary>SHA-256 of the files that belong to it, by name.</summary>
    public required IReadOnlyDictionary<string, string> Files { get; init; }
}
