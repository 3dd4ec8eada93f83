using System.Security.Cryptography;
using System.Text;
using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Experiments;
using Faith.Engine.Files;
using Faith.Engine.Graphs;
using Faith.Engine.ScoreFiles;

namespace Faith.Engine.Mib;

/// <summary>The circuits of the benchmark's ten sizes that a cell is measured by: selected from scores, or nine that were given.</summary>
public sealed record MibCircuits
{
    /// <summary>The folder or file that they come from.</summary>
    public required string Path { get; init; }
    /// <summary>By the score itself, by size of the circuit.</summary>
    public required IReadOnlyList<Circuit> ByScore { get; init; }
    /// <summary>By |score|; of circuits that were given the same.</summary>
    public required IReadOnlyList<Circuit> BySize { get; init; }
    /// <summary>The scores; null where circuits were given.</summary>
    public ScoreFile? Scores { get; init; }
    /// <summary>A hash of the files that were read.</summary>
    public required string Hash { get; init; }

    /// <summary>Reads the circuits of a cell.</summary>
    /// <param name="path">A file of scores; a folder that holds one, or nine circuits; or a submission, which has such a folder for the cell.</param>
    /// <param name="cell">The cell.</param>
    /// <param name="model">The model that they are of.</param>
    /// <param name="level">What is ranked.</param>
    /// <exception cref="InputException">There is no such file, it has no scores at the level, or it is of another model's graph.</exception>
    public static MibCircuits Read(string path, MibCell cell, LoadedModel model, ScoreLevel level)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(cell);
        ArgumentNullException.ThrowIfNull(model);
        var folder = System.IO.Path.Combine(path, cell.Name);
        var files = Directory.Exists(folder) ? MibSubmission.FilesOf(folder) : Directory.Exists(path) ? MibSubmission.FilesOf(path, cell) : [path];
        if (files.Count == 1)
        {
            var file = CircuitFile.Read(files[0], model);
            var scores = MibScores.Of(file, files[0], level);
            return new() { Path = files[0], ByScore = Best(true), BySize = Best(false), Scores = file, Hash = RegularFile.HashOf(files[0]) };

            Circuit[] Best(bool signed) => [.. CurveAreas.MibFractions.Select(p => scores.Best(CurveAreas.CountOf(scores.Items, p), signed))];
        }
        // Of a small graph the smallest are empty, and look like scores alone.
        Circuit[] given = [.. files.Select(file => CircuitFile.Read(file, model).InGraph).OrderBy(circuit => circuit.EdgeCount)];
        if (given[^1].EdgeCount == 0) CircuitFile.ReadCircuit(files[0], model);
        if (MibSubmission.TooLarge(model.Graph, [.. given.Select(circuit => circuit.EdgeCount)]).FirstOrDefault() is { } fault) throw new InputException($"{path}: {fault}");
        // The whole model is the tenth.
        Circuit[] all = [.. given, Circuit.Full(model.Graph)];
        var hashes = string.Concat(files.Select(RegularFile.HashOf).Order(StringComparer.Ordinal));
        return new() { Path = path, ByScore = all, BySize = all, Hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(hashes))) };
    }
}
