using System.Globalization;
using Faith.Engine.Circuits;
using Faith.Engine.Experiments;
using Faith.Engine.Graphs;
using Faith.Engine.Reports;
using Faith.Engine.ScoreFiles;

namespace Faith.Engine.Sweeps;

/// <summary>The cells of a sweep as runs of a report.</summary>
public static class SweepReport
{
    // A page that holds more opens slowly: the scores of the cells after them are left out, their curves stay.
    private const long MostScores = 4_000_000;

    /// <summary>The cells that are done.</summary>
    /// <param name="folder">The sweep.</param>
    /// <param name="cells">Which of its cells.</param>
    /// <param name="note">Says what was left out.</param>
    /// <exception cref="InputException">A file of a cell cannot be read.</exception>
    public static IReadOnlyList<ReportRun> Of(SweepFolder folder, IReadOnlyList<SweepCell> cells, Action<string> note)
    {
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentNullException.ThrowIfNull(cells);
        ArgumentNullException.ThrowIfNull(note);
        var (runs, scores, without) = (new List<ReportRun>(), 0L, 0);
        var varying = Varying(cells);
        foreach (var cell in cells)
        {
            var record = SweepMerge.RecordOf(folder, cell);
            if (!record.IsBySpan) scores += record.Graph.Edges;
            var file = scores <= MostScores ? ScoresOf(record, folder.PathOf(cell, SweepFolder.ScoresFile)) : null;
            if (scores > MostScores) without++;
            runs.Add(Of(record, file) with
            {
                Model = cell.Run.Model, Task = cell.Run.Data, Seed = cell.Run.Seed, Selection = cell.Run.Selection(record.Certain), Signed = cell.Run.Signed, Seconds = SweepStatus.CostOf(folder, cell)?.ScoringSeconds,
                Method = string.Join(' ', varying.Select(s => (s.Name, Value: s.Get(cell.Run))).Where(s => s.Value is not null).Select(s => s.Name == RunSettings.Method ? s.Value : $"{s.Name}={s.Value}")),
            });
        }
        if (without > 0) note($"the scores of {without} of {cells.Count} cells are left out of the report, which would open slowly with them; their curves are there");
        return runs;
    }

    /// <summary>The scores of a record that a report shows; null where they are by span, of which the curve alone is shown.</summary>
    internal static ScoreFile? ScoresOf(CellRecord record, string path) => record.IsBySpan ? null : ScoreFile.Read(path);

    /// <summary>A cell by its record and, where they are at hand, its scores.</summary>
    public static ReportRun Of(CellRecord record, ScoreFile? file)
    {
        ArgumentNullException.ThrowIfNull(record);
        var run = record.Run;
        return new()
        {
            Model = run.Model ?? "?", Task = run.Data ?? "?", Method = run.Method ?? "?",
            Scores = file?.Scores,
            StandardErrors = file?.Scores is not null && record.StandardErrors is { } errors && errors.Count == record.Graph.Edges ? ByPair(record.Graph, errors) : null,
            Selection = SelectionOf(run) with { Certain = record.Certain },
            Signed = run.Options.GetValueOrDefault("signed") == "true",
            Stability = file?.Scores is null ? null : record.Stability,
            Curve = record.Curve, Clean = record.Clean, Corrupted = record.Corrupted, Prompts = record.Prompts,
            Doubts = [.. ((string?[])[record.Doubt, record.Undefined is { } undefined ? $"faithfulness is not defined: {undefined}" : null]).OfType<string>()],
            Record = [new("cell", record.Cell), .. RunRecordJson.Pairs(run)],
        };
    }

    /// <summary>The selection that a record tells, or the usual one.</summary>
    internal static EdgeSelection SelectionOf(RunRecord? run) => new(run?.Options.GetValueOrDefault("select") ?? SelectionMethods.TopName)
    {
        Negative = double.TryParse(run?.Options.GetValueOrDefault("negative"), NumberStyles.Float, CultureInfo.InvariantCulture, out var share) && share is >= 0 and <= 1 ? share : SelectionMethods.UsualNegative,
    };

    /// <summary>The method, and what tells cells of one method apart besides model, data, seed and sizes.</summary>
    internal static IReadOnlyList<RunSetting> Varying(IReadOnlyList<SweepCell> cells)
    {
        List<RunSetting> told = [RunSettings.All.First(s => s.Name == RunSettings.Method), .. RunSettings.All.Where(s => s.Name is not ("model" or "data" or "seed" or RunSettings.Edges or RunSettings.Method)
            && cells.GroupBy(c => c.Run.Scoring.Method).Any(g => g.Select(c => s.Get(c.Run)).Distinct().Count() > 1))];
        // A setting of one value that others have none of goes without saying where those differ anyway, as the share of negative edges beside the selection.
        foreach (var setting in told.Where(s => cells.Select(c => s.Get(c.Run)).OfType<string>().Distinct().Count() < 2).ToArray())
        {
            if (Count(told.Where(s => s != setting)) == Count(told)) told.Remove(setting);
        }
        return told;

        int Count(IEnumerable<RunSetting> settings) => cells.Select(c => string.Join('\n', settings.Select(s => s.Get(c.Run)))).Distinct().Count();
    }

    private static double[] ByPair(ModelGraph graph, IReadOnlyList<double> inFileOrder)
    {
        var values = new double[graph.Pairs];
        foreach (var (place, edge) in ScoreFile.EdgeOrder(graph).Index()) values[edge] = inFileOrder[place];
        return values;
    }
}
