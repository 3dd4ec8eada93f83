using System.Globalization;
using Faith.Engine.Experiments;
using Faith.Engine.Reports;
using Faith.Engine.Statistics;

namespace Faith.Engine.Sweeps;

/// <summary>A row of a merged sweep: a cell and a size.</summary>
/// <param name="Cell">The cell.</param>
/// <param name="Record">What it gave.</param>
/// <param name="Measures">The measures of its curve; null where there are none.</param>
/// <param name="Point">The circuit of the size.</param>
public sealed record MergedRow(SweepCell Cell, CellRecord Record, CurveMeasures? Measures, ReportPoint Point)
{
    /// <summary>The columns: name and value, a text, a whole number (int) or a number (double; NaN where it is not defined). Every setting in which cells can differ is one of them.</summary>
    public static IReadOnlyList<MergedColumn> Columns { get; } =
    [
        MergedColumn.Text("cell", r => r.Cell.Id),
        .. RunSettings.All.Where(s => s.Name != RunSettings.Edges).Select(Setting),
        MergedColumn.Whole("selected", r => r.Point.Selected),
        MergedColumn.Whole("edges", r => r.Point.Edges),
        MergedColumn.Whole("nodes", r => r.Point.Nodes),
        MergedColumn.Number("circuit", r => r.Point.Circuit),
        MergedColumn.Number("clean", r => r.Record.Clean.Average()),
        MergedColumn.Number("corrupted", r => r.Record.Corrupted.Average()),
        MergedColumn.Number("faithfulness", r => r.Point.Faithfulness),
        MergedColumn.Number("faithfulness_low", r => r.Point.Low),
        MergedColumn.Number("faithfulness_high", r => r.Point.High),
        .. Measure("cpr", m => m.Cpr), .. Measure("cmd", m => m.Cmd), .. Measure("acc_auc", m => m.Accuracy),
        MergedColumn.Number("completeness_gap", r => r.Record.Run.CompletenessGap ?? double.NaN),
        MergedColumn.Text("version", r => r.Cell.Version),
        MergedColumn.Text("model_hash", r => r.Cell.ModelHash),
        MergedColumn.Text("data_hash", r => r.Cell.DataHash),
    ];

    private static MergedColumn Setting(RunSetting setting) => setting.Name switch
    {
        // As many as there were, which a study need not say.
        "examples" => MergedColumn.Whole("examples", r => r.Record.Run.Examples),
        "steps" => MergedColumn.Whole("steps", r => r.Record.Run.Steps),
        _ when setting.Kind == SettingKind.Whole => MergedColumn.Whole(setting.RecordName, r => setting.Get(r.Cell.Run) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : null),
        _ when setting.Kind == SettingKind.Number => MergedColumn.Number(setting.RecordName, r => setting.Get(r.Cell.Run) is { } text ? double.Parse(text, CultureInfo.InvariantCulture) : double.NaN),
        _ => MergedColumn.Text(setting.RecordName, r => setting.Get(r.Cell.Run)),
    };

    // Of the whole curve: the same in every row of a cell.
    private static MergedColumn[] Measure(string name, Func<CurveMeasures, Resampled> of) =>
    [
        MergedColumn.Number(name, r => r.Measures is { } m ? of(m).Value : double.NaN),
        MergedColumn.Number($"{name}_low", r => r.Measures is { } m ? of(m).Interval(CellRunner.Confidence).Low : double.NaN),
        MergedColumn.Number($"{name}_high", r => r.Measures is { } m ? of(m).Interval(CellRunner.Confidence).High : double.NaN),
    ];
}
