using System.Globalization;
using System.Text;
using Faith.Engine.Experiments;
using Faith.Engine.Files;
using Parquet;
using Parquet.Schema;

namespace Faith.Engine.Sweeps;

/// <summary>The cells of a sweep as one table, a row a cell and size.</summary>
public static class SweepMerge
{
    private const int Named = 3;

    /// <summary>The endings of files that hold tables.</summary>
    public static IReadOnlyList<string> Extensions { get; } = [".csv", ".parquet", ".md"];

    /// <summary>Reads the cells that are done and checks that they belong together.</summary>
    /// <exception cref="InputException">None is done, or cells are of another version, model or data than was planned, or were changed; they are named.</exception>
    public static IReadOnlyList<MergedRow> Read(SweepFolder folder, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(folder);
        var rows = new List<MergedRow>();
        var wrong = new List<string>();
        // The examples of other data are drawn independently, those of the same data alike; by their place in the plan, whatever is done of it.
        var sets = folder.Cells.Select(c => c.DataHash).Distinct().Index().ToDictionary(set => set.Item, set => (ulong)set.Index);
        foreach (var cell in folder.Cells.Where(folder.IsDone))
        {
            cancellation.ThrowIfCancellationRequested();
            var record = RecordOf(folder, cell);
            if (Difference(folder, cell, record) is { } difference) wrong.Add($"{cell.Id}: {difference}");
            else
            {
                var measures = CellMeasures.Of(record, sets[cell.DataHash]);
                rows.AddRange(record.Curve.Select(point => new MergedRow(cell, record, measures, point)));
            }
        }
        // A manifest made of several plans is no better than their cells.
        var (first, versions) = (folder.Cells[0], folder.Cells.Select(c => c.Version).Distinct().Count());
        if (versions > 1) wrong.AddRange(folder.Cells.Where(c => c.Version != first.Version).Select(c => $"{c.Id}: planned by version {PlainText.Short(c.Version)}, others by {PlainText.Short(first.Version)}"));
        wrong.AddRange(Mixed("model", c => c.Run.Model, c => c.ModelHash));
        wrong.AddRange(Mixed("data", c => $"{c.Run.Data} {c.Run.Examples} {c.Run.Seed} {c.ModelHash}", c => c.DataHash));
        wrong.AddRange(folder.Strangers().Select(id => StrangerDifference(folder, id)).OfType<string>());
        if (wrong.Count > 0)
        {
            throw new InputException($"{folder.Folder}: {(wrong.Count == 1 ? "a cell does" : $"{wrong.Count} cells do")} not belong with the others: {string.Join("; ", wrong.Take(Named))}{(wrong.Count > Named ? "; …" : "")}; remove their folders under cells and run them again");
        }
        return rows.Count > 0 ? rows : throw new InputException($"{folder.Folder}: no cell is done; faith sweep run {folder.Folder} makes them");

        IEnumerable<string> Mixed(string what, Func<SweepCell, string> name, Func<SweepCell, string> hash) => folder.Cells.GroupBy(name).SelectMany(g => g.Where(c => hash(c) != hash(g.First())))
            .Select(c => $"{c.Id}: {what} {PlainText.Name(what == "model" ? c.Run.Model : c.Run.Data)} has another hash ({hash(c)[..Math.Min(12, hash(c).Length)]}) than in other cells");
    }

    /// <summary>The record of a cell that is done.</summary>
    public static CellRecord RecordOf(SweepFolder folder, SweepCell cell)
    {
        ArgumentNullException.ThrowIfNull(folder);
        return CellRecordJson.Read(folder.PathOf(cell, SweepFolder.RecordFile));
    }

    /// <summary>The table, in the form that the name of the file asks for.</summary>
    public static Output ToOutput(string path, IReadOnlyList<MergedRow> rows) =>
        path.EndsWith(".parquet", StringComparison.OrdinalIgnoreCase) ? new(path, stream => WriteParquet(stream, rows))
        : Output.Text(path, path.EndsWith(".md", StringComparison.OrdinalIgnoreCase) ? MeasuresTable.Write(rows) : Csv(rows));

    private static string? Difference(SweepFolder folder, SweepCell cell, CellRecord record)
    {
        if (record.Cell != cell.Id) return $"its record is of the cell {PlainText.Short(record.Cell)}";
        if (Of(cell, record) is { } difference) return difference;
        foreach (var (name, hash) in record.Files)
        {
            if (name is not (SweepFolder.ScoresFile or SweepFolder.CurveFile)) continue;
            if (!File.Exists(folder.PathOf(cell, name))) return $"{name} is not there, although its record is";
            if (RegularFile.HashOf(folder.PathOf(cell, name)) != hash) return $"{name} is not the one that was written with its record";
        }
        return null;
    }

    private static string? Of(SweepCell cell, CellRecord record) =>
        record.Run.Version != cell.Version ? $"made by version {PlainText.Short(record.Run.Version ?? "?")}, planned for {PlainText.Short(cell.Version)}"
        : record.Run.ModelHash != cell.ModelHash ? $"made with another model (hash {PlainText.Short(record.Run.ModelHash ?? "?", 12)}, planned {PlainText.Short(cell.ModelHash, 12)})"
        : record.Run.DataHash != cell.DataHash ? $"made on other data (hash {PlainText.Short(record.Run.DataHash ?? "?", 12)}, planned {PlainText.Short(cell.DataHash, 12)})"
        : null;

    // A cell of another study of the same version, model and data does no harm, and is left out.
    private static string? StrangerDifference(SweepFolder folder, string id)
    {
        var path = Path.Combine(folder.Folder, "cells", id, SweepFolder.RecordFile);
        if (!File.Exists(path)) return null;
        var record = CellRecordJson.Read(path);
        var peer = folder.Cells.FirstOrDefault(c => c.Run.Model == record.Run.Model) ?? folder.Cells[0];
        if (record.Run.Version != peer.Version) return $"{id}: not in the manifest, made by version {PlainText.Short(record.Run.Version ?? "?")}, not {PlainText.Short(peer.Version)}";
        return peer.Run.Model == record.Run.Model && record.Run.ModelHash != peer.ModelHash ? $"{id}: not in the manifest, made with another model (hash {PlainText.Short(record.Run.ModelHash ?? "?", 12)})" : null;
    }

    private static string Csv(IReadOnlyList<MergedRow> rows)
    {
        var csv = new StringBuilder(string.Join(',', MergedRow.Columns.Select(c => c.Name))).Append('\n');
        foreach (var row in rows) csv.AppendJoin(',', MergedRow.Columns.Select(c => Cell(c, row))).Append('\n');
        return csv.ToString();

        static string Cell(MergedColumn column, MergedRow row) => column switch
        {
            { OfText: { } text } => Quote(text(row) ?? ""),
            { OfWhole: { } whole } => whole(row)?.ToString(CultureInfo.InvariantCulture) ?? "",
            _ => Figures.Cell(column.OfNumber!(row)),
        };

        static string Quote(string text) => text.AsSpan().IndexOfAny(",\"\r\n") >= 0 ? $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : text;
    }

    private static void WriteParquet(Stream stream, IReadOnlyList<MergedRow> rows)
    {
        var fields = MergedRow.Columns.Select(c => c switch
        {
            { OfText: not null } => new DataField(c.Name, typeof(string)),
            { OfWhole: not null } => new DataField(c.Name, typeof(int?)),
            _ => new DataField(c.Name, typeof(double?)),
        }).ToArray();
        // The library writes asynchronously; a stream of our own keeps that inside.
        using var memory = new MemoryStream();
        WriteAsync().GetAwaiter().GetResult();
        memory.Position = 0;
        memory.CopyTo(stream);

        async Task WriteAsync()
        {
            await using var writer = await ParquetWriter.CreateAsync(new ParquetSchema(fields), memory);
            using var group = writer.CreateRowGroup();
            foreach (var (column, field) in MergedRow.Columns.Zip(fields))
            {
                if (column.OfText is { } text) await group.WriteAsync(field, [.. rows.Select(r => text(r))]);
                else if (column.OfWhole is { } whole) await group.WriteAsync<int>(field, rows.Select(whole).ToArray());
                else await group.WriteAsync<double>(field, rows.Select(r => column.OfNumber!(r) is var n && double.IsFinite(n) ? n : (double?)null).ToArray());
            }
            group.CompleteValidate();
        }
    }
}
