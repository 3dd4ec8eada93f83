using System.Text;
using Faith.Engine.Experiments;
using Faith.Engine.Reports;
using Faith.Engine.Statistics;

namespace Faith.Engine.Sweeps;

/// <summary>CPR, CMD and acc-AUC of the cells of a sweep as Markdown: a table a model with means over its data, and one for each of its data.</summary>
internal static class MeasuresTable
{
    private static readonly string[] Titles = ["CPR", "CMD", "acc-AUC"];

    /// <summary>The tables.</summary>
    /// <exception cref="InputException">No cell has a curve over the benchmark's sizes.</exception>
    public static string Write(IReadOnlyList<MergedRow> rows)
    {
        MergedRow[] measured = [.. rows.DistinctBy(r => r.Cell.Id).Where(r => r.Measures is not null)];
        if (measured.Length == 0) throw new InputException("no cell has a curve over the sizes of the MIB benchmark, of which CPR, CMD and acc-AUC are; leave edges out of the study, so that it has them");
        // By score and by its size are one line: the benchmark takes a number from each.
        RunSetting[] told = [.. SweepReport.Varying([.. measured.Select(r => r.Cell)]).Where(s => s.Name != "signed")];
        var text = new StringBuilder();
        foreach (var ofModel in measured.GroupBy(r => r.Cell.Run.Model))
        {
            if (text.Length > 0) text.Append('\n');
            text.Append($"## {Markdown.Text(ofModel.Key)}\n");
            var sets = ofModel.GroupBy(SetOf).ToArray();
            if (sets.Length > 1) Table(text, $"means over {sets.Length} sets of data", told, ofModel, sets.Length);
            foreach (var set in sets) Table(text, set.Key, told, set, 1);
        }
        return text.ToString();
    }

    private static string SetOf(MergedRow row) => row.Cell.Run.Seed == 0 ? row.Cell.Run.Data : $"{row.Cell.Run.Data}, seed {row.Cell.Run.Seed}";

    private static void Table(StringBuilder text, string title, RunSetting[] told, IEnumerable<MergedRow> rows, int sets)
    {
        text.Append($"\n### {Markdown.Text(title)}\n\n| {string.Join(" | ", [.. told.Select(s => Markdown.Text(s.Name)), .. Titles])} |\n|{string.Concat(told.Select(_ => "---|"))}{string.Concat(Titles.Select(_ => "---:|"))}\n");
        foreach (var line in rows.GroupBy(r => string.Join('\n', told.Select(s => s.Get(r.Cell.Run)))))
        {
            var names = told.Select(s => s.Get(line.First().Cell.Run)).Select(value => value is null ? Figures.None : Markdown.Code(value));
            var measures = line.GroupBy(SetOf).Select(ofSet => Of([.. ofSet])).ToArray();
            // A mean over fewer sets cannot be compared with the others.
            string[] cells = measures.Length < sets ? [Figures.None, Figures.None, Figures.None] : [Cell([.. measures.Select(m => m.Cpr)]), Cell([.. measures.Select(m => m.Cmd)]), Cell([.. measures.Select(m => m.Accuracy)])];
            text.Append($"| {string.Join(" | ", [.. names, .. cells])} |\n");
        }
    }

    // CPR and acc-AUC of circuits ranked by score, CMD of circuits ranked by its size, where there are both.
    private static CurveMeasures Of(MergedRow[] rows)
    {
        var (byScore, bySize) = (rows.FirstOrDefault(r => r.Cell.Run.Signed) ?? rows[0], rows.FirstOrDefault(r => !r.Cell.Run.Signed) ?? rows[0]);
        return byScore.Measures! with { Cmd = bySize.Measures!.Cmd };
    }

    private static string Cell(IReadOnlyCollection<Resampled> parts)
    {
        var mean = Resampled.Mean(parts);
        var interval = mean.Interval(CellRunner.Confidence);
        return $"{Figures.Fixed(mean.Value, 3)} ({Figures.Fixed(interval.Low, 3)} … {Figures.Fixed(interval.High, 3)})";
    }
}
