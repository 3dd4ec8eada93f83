using System.Globalization;
using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Experiments;
using Faith.Engine.Files;
using Faith.Engine.Reports;
using Faith.Engine.ScoreFiles;

namespace Faith.Engine.Sweeps;

/// <summary>What a report is made of: folders of sweeps, of cells or of results, files of scores, circuits and curves.</summary>
public static class ReportSource
{
    private const long LargestCurve = 64 << 20;

    /// <summary>Reads everything.</summary>
    /// <exception cref="InputException">Something cannot be read, or there is nothing to show.</exception>
    public static IReadOnlyList<ReportRun> Read(IReadOnlyList<string> paths, Action<string> note)
    {
        ArgumentNullException.ThrowIfNull(paths);
        var runs = new List<ReportRun>();
        var files = new List<string>();
        foreach (var path in paths)
        {
            if (!Directory.Exists(path)) files.Add(path);
            else if (File.Exists(Path.Combine(path, SweepFolder.ManifestFile)))
            {
                var folder = SweepFolder.Open(path);
                SweepCell[] done = [.. folder.Cells.Where(folder.IsDone)];
                if (done.Length == 0) throw new InputException($"{path}: no cell is done; faith sweep run {path} makes them");
                if (done.Length < folder.Cells.Count) note($"{path}: {folder.Cells.Count - done.Length} of {folder.Cells.Count} cells are not done and not in the report");
                runs.AddRange(SweepReport.Of(folder, done, note));
            }
            else
            {
                string[] found = [.. Directory.GetFiles(path).Where(f => Path.GetFileName(f) is SweepFolder.RecordFile or SweepFolder.ScoresFile or SweepFolder.CurveFile).Order(StringComparer.Ordinal)];
                files.AddRange(found.Length > 0 ? found : throw new InputException($"{path}: holds nothing to report on; a report is of the folder of a sweep, a cell or a demo, or of files of scores and curves"));
            }
        }
        runs.AddRange(OfFiles(files));
        return runs;
    }

    private static List<ReportRun> OfFiles(List<string> files)
    {
        var runs = new List<ReportRun>();
        var (curves, studies) = (new List<string>(), new List<string>());
        var records = files.Where(f => Path.GetFileName(f) == SweepFolder.RecordFile).ToArray();
        foreach (var record in records)
        {
            var (read, scores) = (CellRecordJson.Read(record), Path.Combine(Path.GetDirectoryName(record)!, SweepFolder.ScoresFile));
            runs.Add(SweepReport.Of(read, File.Exists(scores) ? SweepReport.ScoresOf(read, scores) : null));
        }
        // A record has the curve of its folder, and names its scores.
        var covered = records.SelectMany(r => (string[])[SweepFolder.ScoresFile, SweepFolder.CurveFile, SweepFolder.RecordFile], (r, name) => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(r)!, name))).ToHashSet(StringComparer.Ordinal);
        foreach (var file in files.Where(f => !covered.Contains(Path.GetFullPath(f))))
        {
            if (file.EndsWith(".csv", StringComparison.OrdinalIgnoreCase)) curves.Add(file);
            else if (StabilityFile.IsOne(file)) studies.Add(file);
            else runs.Add(OfScores(file));
        }
        foreach (var path in studies) AddStability(runs, path);
        foreach (var (path, curve) in curves.SelectMany(path => Curves(path), (path, curve) => (path, curve)))
        {
            // A curve without a name of its own belongs to the scores when there are only these.
            var owner = runs.FindIndex(r => r.Curve.Count == 0 && curve.Task.Length == 0 && (curve.Method.Length == 0 ? runs.Count == 1 : r.Method.Equals(curve.Method, StringComparison.OrdinalIgnoreCase)));
            if (owner >= 0) runs[owner] = runs[owner] with { Curve = curve.Curve };
            else if (curve.Task.Length > 0) runs.Add(curve);
            else runs.Add(curve with { Model = runs.FirstOrDefault()?.Model ?? "", Task = runs.FirstOrDefault()?.Task ?? Path.GetFileName(path), Method = curve.Method.Length > 0 ? curve.Method : Path.GetFileNameWithoutExtension(path) });
        }
        return [.. runs.Select(r => r is { Scores: not null, Selection: { Name: SelectionMethods.StableName, Certain: null } }
            ? r with { Doubts = [.. r.Doubts, "edges were selected by intervals that are not given here: at other sizes those of the largest scores are shown"] } : r)];
    }

    private static void AddStability(List<ReportRun> runs, string path)
    {
        int[] scored = [.. Enumerable.Range(0, runs.Count).Where(i => runs[i].Scores is not null && runs[i].Stability is null)];
        if (scored.Length == 0) throw new InputException($"{path}: tells how stable edges are, but of no scores; name the scores beside it");
        // By the method and the edges, where there are several.
        var read = new List<(int Run, StabilityFile File)>();
        InputException? fault = null;
        foreach (var i in scored)
        {
            try
            {
                read.Add((i, StabilityFile.Read(path, runs[i].Scores!.Graph)));
            }
            catch (InputException e)
            {
                fault = e;
            }
        }
        if (read.Count == 0) throw new InputException(fault!.Message, fault);
        var own = read.Where(r => scored.Length == 1 || runs[r.Run].Method == r.File.Method).ToArray();
        if (own.Length != 1) throw new InputException($"{path}: is of {PlainText.Short(read[0].File.Method)}, and {own.Length} of the {scored.Length} files of scores are; name those alone that it belongs to");
        var (place, stability) = own[0];
        runs[place] = runs[place] with { Stability = stability, Selection = runs[place].Selection with { Certain = runs[place].Selection.Name == SelectionMethods.StableName ? stability.Certain : null } };
    }

    private static ReportRun OfScores(string path)
    {
        var file = ScoreFile.Read(path);
        var run = file.Run;
        return new()
        {
            Model = run?.Model ?? "", Task = run?.Data ?? Path.GetFileName(path), Method = run?.Method ?? Path.GetFileNameWithoutExtension(path), Seconds = run?.Seconds,
            Scores = file.Scores, Selected = CircuitFile.HoldsCircuit(file) ? file.InGraph : null,
            Selection = SweepReport.SelectionOf(run), Signed = run?.Options.GetValueOrDefault("signed") == "true",
            Doubts = [.. ((string?[])[ScoreDoubt.Of(run), ScoreDoubt.OfSigns(file)]).OfType<string>()],
            Record = [new("file", path), .. run is null ? [] : RunRecordJson.Pairs(run)],
        };
    }

    // The curves of a file by the name of their method or ranking; of a merged sweep, by their cell.
    private static IEnumerable<ReportRun> Curves(string path)
    {
        var table = new CsvTable(path, RegularFile.ReadAll(path, FileUse.Data, LargestCurve));
        var (selected, faithfulness) = (table.Column("selected"), table.Column("faithfulness"));
        if (selected < 0 || faithfulness < 0) throw new InputException($"{path}: is no curve; faith curve writes one, with the columns selected and faithfulness");
        var (low, high) = table.Column("faithfulness_low") >= 0 ? (table.Column("faithfulness_low"), table.Column("faithfulness_high")) : (table.Column("least"), table.Column("most"));
        int[] names = [.. ((string[])["cell", "method", "ranked_by"]).Select(table.Column).Where(c => c >= 0)];
        var rows = table.ReadRows().Select(row => (Row: row, Point: new ReportPoint(Whole(row, selected), Whole(row, table.Column("edges")), Whole(row, table.Column("nodes")),
            Number(row, table.Column("circuit")), Number(row, faithfulness), Number(row, low), Number(row, high), []))).ToArray();
        if (rows.Length == 0) throw new InputException($"{path}: holds no circuit");
        return rows.GroupBy(r => names.Length == 0 ? "" : r.Row.Fields[names[0]]).Select(g => new ReportRun
        {
            Model = Text(g.First().Row, "model"), Task = Text(g.First().Row, "data"), Seed = Whole(g.First().Row, table.Column("seed")), Curve = [.. g.Select(r => r.Point)],
            Method = string.Join(' ', ((string[])["method", "steps", "rule", "metric", "ablation", "select", "ranked_by"]).Select(column => Text(g.First().Row, column)).Where(text => text.Length > 0)),
        });

        string Text((int Line, string[] Fields) row, string column) => table.Column(column) is >= 0 and var place ? row.Fields[place] : "";

        double Number((int Line, string[] Fields) row, int column) => column < 0 || row.Fields[column].Length == 0 ? double.NaN
            : double.TryParse(row.Fields[column], NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value : throw table.Error(row.Line, $"{table.Header[column]} should be a number, not {PlainText.Quote(row.Fields[column])}");

        int Whole((int Line, string[] Fields) row, int column) => Number(row, column) is var value && double.IsNaN(value) ? 0
            : value is >= 0 and <= int.MaxValue && value == Math.Floor(value) ? (int)value : throw table.Error(row.Line, $"{table.Header[column]} should be a whole number");
    }
}
