using System.Text.Json;
using Faith.Engine.Files;

namespace Faith.Engine.Sweeps;

/// <summary>
/// The folder of a sweep: manifest.jsonl, cells/ID/ with the results of each cell, failed/ID.json for those that failed, runs/ID.json with what each took,
/// claims/ while it runs. The results are the same whoever makes them; what differs between runs (time, machine) stands under runs.
/// </summary>
public sealed class SweepFolder
{
    /// <summary>The list of the cells.</summary>
    public const string ManifestFile = "manifest.jsonl";
    /// <summary>The scores of a cell.</summary>
    public const string ScoresFile = "scores.json";
    /// <summary>The curve of a cell.</summary>
    public const string CurveFile = "curve.csv";
    /// <summary>The record of a cell, written last.</summary>
    public const string RecordFile = "record.json";
    private const long LargestNote = 1 << 20;

    private SweepFolder(string path, IReadOnlyList<SweepCell> cells) => (Folder, Cells, Claims) = (path, cells, new(Path.Combine(path, "claims")));

    /// <summary>Where it is.</summary>
    public string Folder { get; }

    /// <summary>The cells, in the order of the manifest.</summary>
    public IReadOnlyList<SweepCell> Cells { get; }

    /// <summary>Who works on what.</summary>
    public ClaimStore Claims { get; }

    /// <summary>Opens a sweep that was planned.</summary>
    /// <exception cref="InputException">There is none, or its manifest cannot be read.</exception>
    public static SweepFolder Open(string path)
    {
        if (!Directory.Exists(path)) throw new InputException($"{path}: {(File.Exists(path) ? "is a file" : "there is no such folder")}; faith sweep plan STUDY.yaml --out {path} makes the folder of a sweep");
        var manifest = Path.Combine(path, ManifestFile);
        if (!File.Exists(manifest)) throw new InputException($"{path}: holds no {ManifestFile}; faith sweep plan STUDY.yaml --out {path} writes it");
        return new(path, Manifest.Read(manifest));
    }

    /// <summary>A file of a cell.</summary>
    public string PathOf(SweepCell cell, string file) => Path.Combine(FolderOf(cell), file);

    /// <summary>The folder of a cell.</summary>
    public string FolderOf(SweepCell cell) => Path.Combine(Folder, "cells", cell.Id);

    /// <summary>True when all results of a cell are there.</summary>
    public bool IsDone(SweepCell cell) => File.Exists(PathOf(cell, RecordFile));

    /// <summary>What each run of a cell took: the file with the machine, the time and the device.</summary>
    public string CostPathOf(SweepCell cell) => Path.Combine(Folder, "runs", $"{cell.Id}.json");

    /// <summary>Ids of cells that are here but not in the manifest, as of another plan.</summary>
    public IReadOnlyList<string> Strangers()
    {
        var folder = Path.Combine(Folder, "cells");
        var known = Cells.Select(c => c.Id).ToHashSet(StringComparer.Ordinal);
        return Directory.Exists(folder) ? [.. Directory.GetDirectories(folder).Select(d => Path.GetFileName(d)).Where(id => !known.Contains(id)).Order(StringComparer.Ordinal)] : [];
    }

    /// <summary>How a cell failed; null where it did not, or has been done since.</summary>
    public CellFailure? FailureOf(SweepCell cell)
    {
        var path = FailurePathOf(cell);
        if (IsDone(cell) || !File.Exists(path)) return null;
        try
        {
            return JsonSerializer.Deserialize<CellFailure>(RegularFile.ReadAll(path, FileUse.Data, LargestNote));
        }
        catch (JsonException e)
        {
            throw new InputException($"{path}: is not what a failed cell leaves; remove it", e);
        }
    }

    /// <summary>Says that a cell failed.</summary>
    public void WriteFailure(SweepCell cell, CellFailure failure)
    {
        Directory.CreateDirectory(Path.Combine(Folder, "failed"));
        OutputFile.Write(FailurePathOf(cell), stream => JsonSerializer.Serialize(stream, failure));
    }

    /// <summary>Forgets that a cell failed, once it has been done.</summary>
    public void RemoveFailure(SweepCell cell)
    {
        try
        {
            File.Delete(FailurePathOf(cell));
        }
        catch (DirectoryNotFoundException)
        {
            // Nothing ever failed here.
        }
    }

    private string FailurePathOf(SweepCell cell) => Path.Combine(Folder, "failed", $"{cell.Id}.json");
}
