using System.CommandLine;
using Faith.Engine;
using Faith.Engine.Circuits;
using Faith.Engine.Experiments;
using Faith.Engine.Graphs;
using Faith.Engine.ScoreFiles;

namespace Faith.Cli.Commands;

/// <summary>`faith combine`: one file of scores out of several.</summary>
internal static class CombineCommand
{
    private const int MostFiles = 1000;

    public static Command Create(CommandContext context)
    {
        var files = new FilesArgument("files", "a.json b.json …", "files of scores of one model", MostFiles);
        var by = new ChoiceOption("--by", "how they are combined: the mean of scores divided by the largest of their file, the mean of ranks with the scores' signs, or the largest in size", "mean", ScoreCombination.All.Keys);
        var output = new PathOption("--out", PathRole.Output, "the scores, as JSON", required: true);
        var command = new FaithCommand("combine", "Combines several files of scores into one ranking.",
            "faith combine eap.json eap-ig.json --out both.json", "faith combine seed0.json seed1.json seed2.json --by rank --out ranks.json")
        { files, by, output };
        command.SetAction(parse =>
        {
            var (paths, way, path) = (parse.GetRequiredValue(files), parse.GetRequiredValue(by), parse.GetRequiredValue(output));
            if (paths.Length < 2) throw new InputException("one file only; give two or more");
            var read = paths.Select(ScoreFile.Read).ToArray();
            for (var i = 0; i < read.Length; i++)
            {
                if (read[i].Scores is not { } scores) throw new InputException($"{paths[i]}: the edges have no scores; faith attribute --level edge gives them");
                if (read[i].Graph != read[0].Graph) throw new InputException($"{paths[i]}: is of another model than {paths[0]}");
                if (scores.Values.All(value => value == 0)) throw new InputException($"{paths[i]}: all of its scores are zero, so that they rank nothing");
            }
            var combined = ScoreCombination.All[way]([.. read.Select(file => file.Scores!)]);
            var options = new SortedDictionary<string, string>(StringComparer.Ordinal) { ["combined_by"] = way };
            for (var i = 0; i < paths.Length; i++) options[$"combined_{i + 1:000}"] = Path.GetFileName(paths[i]);
            new ScoreFile
            {
                Graph = read[0].Graph, DModel = read[0].DModel, Scores = combined, InGraph = Circuit.Empty(read[0].Graph),
                Run = new RunRecord { Version = ProgramVersion.Text, Model = Common(run => run.Model), ModelHash = Common(run => run.ModelHash), Data = Common(run => run.Data), DataHash = Common(run => run.DataHash), Options = options },
            }.Write(path);
            foreach (var (name, file) in paths.Zip(read)) CircuitFile.NoteDoubts(context.Note, name, file);
            if (read.Select(file => file.Run?.ModelHash).OfType<string>().Distinct().Count() > 1) context.Note("the files were made with different models of the same graph");
            context.Output.WriteLine($"{path}: {paths.Length} files combined by {way}");

            // What all records agree on.
            string? Common(Func<RunRecord, string?> of) => read.Select(file => file.Run is { } run ? of(run) : null).Distinct().ToArray() is [var one] ? one : null;
        });
        return command;
    }
}
