using Faith.Engine.Graphs;
using Faith.Engine.ScoreFiles;

namespace Faith.Engine.Mib;

/// <summary>A folder of results for the benchmark's leaderboard: a folder a cell, with one file of scores or nine circuits.</summary>
public static class MibSubmission
{
    private const int Circuits = 9, FewestModels = 2, FewestTasks = 2;
    private static readonly double[] Shares = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5];
    private const string TorchExtension = ".pt";
    private static readonly string[] Extensions = [".json", TorchExtension];

    /// <summary>What is wrong with a folder, a line each; none: it can be submitted.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="note">Told what each cell holds.</param>
    /// <exception cref="InputException">There is no such folder.</exception>
    public static IReadOnlyList<string> Check(string folder, Action<string> note)
    {
        ArgumentNullException.ThrowIfNull(note);
        if (!Directory.Exists(folder)) throw new InputException($"{folder}: {(File.Exists(folder) ? "is a file; a submission is a folder with one folder a cell" : "there is no such folder")}");
        var wrong = new List<string>();
        var cells = new List<MibCell>();
        foreach (var path in Directory.EnumerateFileSystemEntries(folder).Order(StringComparer.Ordinal))
        {
            var name = Path.GetFileName(path);
            if (name.StartsWith('.')) continue;
            if (!Directory.Exists(path)) wrong.Add($"{path}: is a file; a submission holds folders, one a cell");
            else if (MibCells.All.FirstOrDefault(cell => cell.Name == name) is not { } cell) wrong.Add($"{path}: is called as no cell; folders are called {string.Join(", ", MibCells.All.Select(c => c.Name))}");
            else
            {
                cells.Add(cell);
                var before = wrong.Count;
                var what = CheckCell(cell, path, wrong);
                if (wrong.Count == before) note($"{cell.Name}: {what}");
            }
        }
        if (cells.Select(cell => cell.Model.Name).Distinct().Count() < FewestModels) wrong.Add($"{folder}: has cells of fewer than {FewestModels} models");
        if (cells.Select(cell => cell.Task.Name).Distinct().Count() < FewestTasks) wrong.Add($"{folder}: has cells of fewer than {FewestTasks} tasks");
        return wrong;
    }

    /// <summary>The files of a cell's folder: one, or nine.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="missing">The cell of which there was no folder in this one, so that the files may be here.</param>
    /// <exception cref="InputException">There are others.</exception>
    internal static IReadOnlyList<string> FilesOf(string folder, MibCell? missing = null)
    {
        string[] files = [.. Directory.EnumerateFiles(folder).Where(file => Extensions.Contains(Path.GetExtension(file))).Order(StringComparer.Ordinal)];
        if (files.Length == 0 && missing is not null) throw new InputException($"{folder}: has no folder {missing.Name}, and no file of scores");
        return files.Length is 1 or Circuits ? files : throw new InputException($"{folder}: holds {files.Length} files of scores; give one, or the {Circuits} circuits of the benchmark's sizes");
    }

    /// <summary>What is wrong with the sizes of nine circuits, ascending.</summary>
    internal static IEnumerable<string> TooLarge(ModelGraph graph, IReadOnlyList<int> sizes)
    {
        for (var i = 0; i < Circuits; i++)
        {
            var most = (int)(graph.Edges * Shares[i]);
            if (sizes[i] > most) yield return $"its circuit number {i + 1} by size has {sizes[i]} edges; at most {Figures.Percent(Shares[i], 1)} of {graph.Edges}, {most}, are allowed";
        }
    }

    private static string CheckCell(MibCell cell, string path, List<string> wrong)
    {
        IReadOnlyList<string> files;
        try
        {
            files = FilesOf(path);
        }
        catch (InputException e)
        {
            wrong.Add(e.Message);
            return "";
        }
        var sizes = new List<int>();
        foreach (var file in files)
        {
            try
            {
                sizes.Add(Read(cell.Model, file, files.Count > 1, wrong));
            }
            catch (InputException e)
            {
                wrong.Add(e.Message);
            }
        }
        if (files.Count == 1) return "one file of scores";
        if (sizes.Count < Circuits) return "";
        sizes.Sort();
        wrong.AddRange(TooLarge(new(cell.Model.Layers, cell.Model.Heads), sizes).Select(fault => $"{path}: {fault}"));
        return $"{Circuits} circuits of {sizes[0]} to {sizes[^1]} edges";
    }

    // The size of the circuit that a file holds.
    private static int Read(MibModel model, string path, bool isCircuit, List<string> wrong)
    {
        if (Path.GetExtension(path) != TorchExtension)
        {
            var (faults, edges) = MibFileCheck.Of(path, model, isCircuit);
            wrong.AddRange(faults);
            return edges;
        }
        var file = ScoreFile.Read(path);
        var graph = file.Graph;
        if ((graph.Layers, graph.Heads) != (model.Layers, model.Heads)) throw new InputException($"{path}: is of a model with {graph.Layers} layers of {graph.Heads} heads; {model.Name} has {model.Layers} of {model.Heads}");
        // Nodes and neurons may be scored instead of edges.
        if (!isCircuit && !(file.Scores is { } scores && graph.AllEdges.Any(edge => scores[edge] != 0))
            && !(file.Nodes?.Take(graph.Sources).All(node => node.Score is not null || node.NeuronScores is not null) ?? false)) throw new InputException($"{path}: has no score of its edges, nor of all of its nodes, other than 0");
        return file.InGraph.EdgeCount;
    }
}
