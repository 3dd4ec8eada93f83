using System.CommandLine;
using Faith.Engine;
using Faith.Engine.Attribution;
using Faith.Engine.Experiments;
using Faith.Engine.Mib;
using Faith.Engine.ScoreFiles;

namespace Faith.Cli.Commands;

/// <summary>`faith mib`: the circuit track of the MIB benchmark.</summary>
internal static class MibCommand
{
    public static Command Create(CommandContext context) => new FaithCommand("mib", "The circuit track of the MIB benchmark: its cells, scores and measures, and folders to submit.",
        "faith mib cells", "faith mib attribute --cell ioi_gpt2 --data ./ioi --out submission", "faith mib evaluate --cell ioi_gpt2 --data ./ioi --scores submission/ioi_gpt2/importances.json --json ioi.json")
    {
        Cells(context), MibAttributeCommand.Create(context), MibEvaluateCommand.Create(context), Check(context), AreaUnderCurve(context),
    };

    private static FaithCommand Cells(CommandContext context)
    {
        var command = new FaithCommand("cells", "The cells of the benchmark's table: tasks with models.", "faith mib cells");
        command.SetAction(_ =>
        {
            var table = new TextTable("cell", "model", "data set", "counterfactual", ">examples scored");
            foreach (var cell in MibCells.All)
            {
                table.Add(cell.Name, cell.Model.Repository, cell.Task.Config is { } config ? $"{cell.Task.DataSet} ({config})" : cell.Task.DataSet, cell.Task.Counterfactual,
                    cell.Task.AttributionExamples is { } count ? $"{count}" : "all");
            }
            table.Write(context);
        });
        return command;
    }

    private static FaithCommand Check(CommandContext context)
    {
        var folder = new Argument<string>("folder") { HelpName = "DIR", Description = "a folder with one folder a cell" };
        folder.Validators.Add(result => PathRules.RefuseEmpty(result, result.Tokens, "folder"));
        var command = new FaithCommand("check", "Checks a folder that is to be submitted to the leaderboard.", "faith mib check submission") { folder };
        command.SetAction(parse =>
        {
            var path = parse.GetRequiredValue(folder);
            var wrong = MibSubmission.Check(path, context.Output.WriteLine);
            foreach (var line in wrong.Skip(1)) context.Output.WriteLine($"wrong: {line}");
            if (wrong.Count > 0) throw new InputException(wrong.Count == 1 ? wrong[0] : $"{wrong[0]} (the first of {wrong.Count} things that are wrong)");
            context.Output.WriteLine($"{path}: can be submitted");
        });
        return command;
    }

    private static FaithCommand AreaUnderCurve(CommandContext context)
    {
        var scores = new PathOption("--scores", PathRole.Input, "scores, as written by faith attribute", required: true);
        var reference = new PathOption("--reference", PathRole.Input, "the known circuit", required: true);
        var level = new ChoiceOption("--level", "what is compared", "edge", ScoreLevels.Names);
        var json = new PathOption("--json", PathRole.Output, "both areas");
        var command = new FaithCommand("auroc", "How well scores find a known circuit: the benchmark's area, and the usual one.",
            "faith mib auroc --scores scores.json --reference circuit.json", "faith mib auroc --scores nodes.json --reference circuit.json --level node")
        { scores, reference, level, json };
        command.SetAction(parse =>
        {
            var (path, known) = (parse.GetRequiredValue(scores), parse.GetRequiredValue(reference));
            var values = ScoreFile.Read(path);
            var circuit = ScoreFile.Read(known);
            CircuitFile.RequireCircuit(known, circuit);
            if (values.Graph != circuit.Graph) throw new InputException($"{known}: is of another model than {path}");
            var (theirs, usual) = MibAuroc.Of(values, path, circuit.InGraph, ScoreLevels.Parse(parse.GetRequiredValue(level)));
            if (parse.GetValue(json) is { } to)
            {
                JsonFile.Write(to, writer =>
                {
                    writer.WriteNumberOrNull("mib", theirs);
                    writer.WriteNumberOrNull("auroc", usual);
                });
            }
            var table = new TextTable("area", ">value");
            table.Add("MIB's: circuits of its sizes, without (0, 0)", Figures.Fixed(theirs));
            table.Add("AUROC of |score|", Figures.Fixed(usual));
            table.Write(context);
        });
        return command;
    }
}
