using System.CommandLine;
using Faith.Engine;
using Faith.Engine.Circuits;
using Faith.Engine.Experiments;
using Faith.Engine.Graphs;
using Faith.Engine.ScoreFiles;

namespace Faith.Cli.Commands;

/// <summary>`faith compare`: how alike two files of scores or circuits are, or how well scores find a known circuit.</summary>
internal static class CompareCommand
{
    public static Command Create(CommandContext context)
    {
        var files = new FilesArgument("files", "a.json [b.json]", "files of scores or circuits; the second is the reference", most: 2);
        var known = new PathOption("--known", PathRole.Input, "a known circuit: how well the scores of each file tell its edges from the others (AUROC of |score|)");
        var edges = OptionKinds.OptionalInteger("--edges", "compare the N best edges of both by |score| instead of the circuits in the files", 1, int.MaxValue);
        var json = new PathOption("--json", PathRole.Output, "the numbers as JSON");
        var command = new FaithCommand("compare", "Compares two files: overlap of circuits, rank correlation of scores.",
            "faith compare scores.json other.json", "faith compare circuit.json reference.json --json overlap.json",
            "faith compare eap.json exact.json --edges 100", "faith compare scores.json --known circuit.json")
        { files, known, edges, json };
        command.Validators.Add(result =>
        {
            var second = result.GetResult(files) is { Tokens.Count: > 1 };
            if (!second && result.GetResult(known) is null) result.AddError("give a second file to compare with, or --known CIRCUIT");
            if (!second && result.GetResult(edges) is not null) result.AddError("--edges needs a second file");
        });
        command.SetAction(parse => Run(context, parse.GetRequiredValue(files), parse.GetValue(known), parse.GetValue(edges), parse.GetValue(json)));
        return command;
    }

    private static void Run(CommandContext context, string[] paths, string? knownPath, int? edges, string? jsonPath)
    {
        var read = paths.Select(path => (Path: path, File: ScoreFile.Read(path))).ToArray();
        // Of a file that is compared with itself things are said once.
        var different = read.DistinctBy(file => file.Path).ToArray();
        var rows = new List<(string Name, double Value)>();
        if (read is [var a, var b])
        {
            CheckSame(a, b);
            if (edges is not null || (CircuitFile.HoldsCircuit(a.File) && CircuitFile.HoldsCircuit(b.File))) AddOverlap(rows, a, b, edges);
            else NoteNoOverlap(context, a, b);
            if (a.File.Scores is { } x && b.File.Scores is { } y)
            {
                rows.Add(("spearman_abs", CircuitComparison.Spearman(x, y, signed: false)));
                rows.Add(("spearman_signed", CircuitComparison.Spearman(x, y, signed: true)));
                rows.Add(("kendall_abs", CircuitComparison.Kendall(x, y, signed: false)));
                rows.Add(("kendall_signed", CircuitComparison.Kendall(x, y, signed: true)));
                rows.Add(("pearson", CircuitComparison.Pearson(x, y)));
            }
        }
        if (knownPath is not null)
        {
            var reference = ScoreFile.Read(knownPath);
            CircuitFile.RequireCircuit(knownPath, reference);
            if (reference.InGraph.EdgeCount == 0) throw new InputException($"{knownPath}: has no edge in the graph; a circuit is needed");
            foreach (var file in different)
            {
                CheckSame(file, (knownPath, reference));
                var scores = file.File.Scores ?? throw new InputException($"{file.Path}: the edges have no scores");
                rows.Add((read.Length == 1 ? "auroc" : $"auroc {file.Path}", Auroc.Of(scores, reference.InGraph)));
            }
        }
        if (jsonPath is not null)
        {
            JsonFile.Write(jsonPath, writer =>
            {
                foreach (var (name, value) in rows) writer.WriteNumberOrNull(name, value);
            });
        }
        foreach (var file in different) CircuitFile.NoteDoubts(context.Note, file.Path, file.File);
        var table = new TextTable(read.Length == 2 ? $"{paths[0]} against {paths[1]}" : paths[0], ">value");
        foreach (var (name, value) in rows) table.Add(name.Replace('_', ' '), name.EndsWith("_count", StringComparison.Ordinal) ? Figures.Fixed(value, 0) : Figures.Fixed(value));
        table.Write(context);
    }

    // Scores of which no circuit has been selected have no overlap with anything; the scores themselves may be compared.
    private static void NoteNoOverlap(CommandContext context, (string Path, ScoreFile File) a, (string Path, ScoreFile File) b)
    {
        foreach (var (path, file) in (ReadOnlySpan<(string Path, ScoreFile File)>)[a, b])
        {
            if (a.File.Scores is null || b.File.Scores is null) CircuitFile.RequireCircuit(path, file);
        }
        if (CircuitFile.HoldsCircuit(a.File) == CircuitFile.HoldsCircuit(b.File)) return;
        var alone = CircuitFile.HoldsCircuit(a.File) ? b.Path : a.Path;
        context.Note($"{alone}: holds scores of which no circuit has been selected, so that only scores are compared; --edges N compares the N best edges of both");
    }

    private static void AddOverlap(List<(string Name, double Value)> rows, (string Path, ScoreFile File) a, (string Path, ScoreFile File) b, int? count)
    {
        Circuit Of((string Path, ScoreFile File) file)
        {
            if (count is not { } n) return file.File.InGraph;
            if (n > file.File.Graph.Edges) throw new InputException($"--edges {n}: the graph of {file.Path} has only {file.File.Graph.Edges}");
            return CircuitSelection.Top(file.File.Scores ?? throw new InputException($"{file.Path}: the edges have no scores to select by"), n, signed: false);
        }

        var (found, reference) = (Of(a), Of(b));
        // An overlap of nothing with nothing says nothing.
        if (found.EdgeCount == 0 && reference.EdgeCount == 0) return;
        (string, Overlap?)[] overlaps = [("edge", CircuitComparison.Edges(found, reference)), ("node", CircuitComparison.Nodes(found, reference)), ("neuron", CircuitComparison.Neurons(found, reference))];
        foreach (var (what, some) in overlaps)
        {
            if (some is not { } overlap) continue;
            rows.Add(($"{what}_first_count", overlap.Found));
            rows.Add(($"{what}_second_count", overlap.Reference));
            rows.Add(($"{what}_shared_count", overlap.Shared));
            rows.Add(($"{what}_jaccard", overlap.Jaccard));
            rows.Add(($"{what}_precision", overlap.Precision));
            rows.Add(($"{what}_recall", overlap.Recall));
        }
    }

    private static void CheckSame((string Path, ScoreFile File) a, (string Path, ScoreFile File) b)
    {
        if (a.File.Graph == b.File.Graph) return;
        throw new InputException($"{b.Path}: is of a model with {Shape(b.File.Graph)}; {a.Path} is of one with {Shape(a.File.Graph)}");

        static string Shape(ModelGraph g) => $"{g.Layers} layers of {g.Heads} heads{(g.Parallel ? " in parallel with the MLPs" : "")}";
    }
}
