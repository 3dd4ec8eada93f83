using Faith.Engine.Reports;
using Faith.Engine.Experiments;

namespace Faith.Engine.Sweeps;

/// <summary>A row of a merged sweep: a cell and a size.</summary>
/// <param name="Cell">The cell.</param>
/// <param name="Record">What it gave.</param>
/// <param name="Point">The circuit of the size.</param>
public sealed record MergedRow(SweepCell Cell, CellRecord Record, ReportPoint Point)
{
    /// <summary>The columns: name and value, a text, a whole number (int) or a number (double; NaN where it is not defined).</summary>
    public static IReadOnlyList<MergedColumn> Columns { get; } =
    [
        MergedColumn.Text("cell", r => r.Cell.Id),
        Setting("model"), Setting("data"),
        MergedColumn.Whole("examples", r => r.Record.Clean.Count),
        MergedColumn.Whole("seed", r => r.Cell.Run.Seed),
        Setting("metric"), Setting("ablation"), Setting("ablation-data"), Setting(RunSettings.Method),
        MergedColumn.Whole("steps", r => r.Record.Run.Steps),
        Setting("rule"), Setting("thresholds"), Setting("level"), Setting("select"), Setting("signed"),
        MergedColumn.Whole("selected", r => r.Point.Selected),
        MergedColumn.Whole("edges", r => r.Point.Edges),
        MergedColumn.Whole("nodes", r => r.Point.Nodes),
        MergedColumn.Number("circuit", r => r.Point.Circuit),
        MergedColumn.Number("clean", r => r.Record.Clean.Average()),
        MergedColumn.Number("corrupted", r => r.Record.Corrupted.Average()),
        MergedColumn.Number("faithfulness", r => r.Point.Faithfulness),
        MergedColumn.Number("faithfulness_low", r => r.Point.Low),
        MergedColumn.Number("faithfulness_high", r => r.Point.High),
        MergedColumn.Number("completeness_gap", r => r.Record.Run.CompletenessGap ?? double.NaN),
        MergedColumn.Text("version", r => r.Cell.Version),
        MergedColumn.Text("model_hash", r => r.Cell.ModelHash),
        MergedColumn.Text("data_hash", r => r.Cell.DataHash),
    ];

    private static MergedColumn Setting(string name)
    {
        var setting = RunSettings.All.First(s => s.Name == name);
        return MergedColumn.Text(setting.RecordName, r => setting.Get(r.Cell.Run));
    }
}
