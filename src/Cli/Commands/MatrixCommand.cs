using System.CommandLine;
using System.Globalization;
using System.Text;
using Faith.Engine;
using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Experiments;
using Faith.Engine.Files;
using Faith.Engine.Graphs;
using Faith.Engine.Reports;
using Faith.Engine.Tasks;

namespace Faith.Cli.Commands;

/// <summary>`faith matrix`: the circuit of every task on every task.</summary>
internal static class MatrixCommand
{
    public static Command Create(CommandContext context)
    {
        var device = new DeviceOptions(context);
        var reading = new ReadingOptions(context);
        var model = new PathOption("--model", PathRole.Model, "a directory in Hugging Face layout, or the name of a shipped model or of a repository in the cache (faith pull)", required: true);
        var tasks = OptionKinds.Optional("--tasks", "a,b,…", $"built-in tasks; all unless given: {string.Join(", ", TaskCatalog.All.Select(t => t.Name))}");
        var examples = OptionKinds.Integer("--examples", "examples of each task", TaskPrompts.DefaultCount, 1, 1_000_000);
        var edges = OptionKinds.Integer("--edges", "edges of each circuit", 200, 1, int.MaxValue);
        var selection = new SelectionOptions(SelectionMethods.Names);
        var output = new PathOption("--out", PathRole.Output, "where to write the table; standard output unless given");
        var report = new PathOption("--report", PathRole.Output, "the same as a page, as .html, with every circuit");
        var command = new FaithCommand("matrix", "Evaluates the circuit of each task (EAP-IG) on every other: a Markdown table of faithfulness.",
            "faith matrix --model tasks-4l", "faith matrix --model tasks-4l --tasks ioi,sva --edges 300 --select greedy --out matrix.md")
        { model, tasks, examples, edges, output, report };
        selection.AddTo(command);
        reading.AddTo(command);
        device.AddTo(command);
        command.SetAction(parse =>
        {
            var path = parse.GetValue(output);
            var names = parse.GetValue(tasks) is { } given ? given.Split(',', StringSplitOptions.TrimEntries) : [.. TaskCatalog.All.Select(t => t.Name)];
            foreach (var name in names) TaskCatalog.Find(name);
            using var loaded = reading.LoadModel(parse, parse.GetRequiredValue(model));
            var count = parse.GetValue(edges);
            if (count > loaded.Graph.Edges) throw new InputException($"--edges {count}: the graph of {loaded.Name} has only {loaded.Graph.Edges}");
            var (chosen, signed) = selection.Read(parse);
            var asked = reading.Specification(parse, parse.GetRequiredValue(model)) with { Examples = parse.GetValue(examples), Select = chosen.Name, Negative = chosen.Negative, Signed = signed, Sizes = [count] };
            LoadedRun[] runs = [.. names.Select(name => LoadedRun.Load(asked with { Data = name }, loaded, context.Note, context.Cancellation))];
            var choice = device.Read(parse);
            var study = ProgressDisplay.Run(context, progress => CrossTaskStudy.Run(runs, choice, progress, context.Cancellation));
            foreach (var (run, result) in runs.Zip(study.Scores))
            {
                if (run.Doubt(result) is { } doubt) context.Note($"{run.Data.Name}: {doubt}");
            }
            var (sets, circuits, results) = (Array.ConvertAll(runs, r => r.Data), study.Circuits, study.Results);
            foreach (var (set, column) in sets.Zip(results))
            {
                foreach (var warning in DataSummary.Warnings(column[0], DataSummary.Right(column[0].Clean))) context.Note($"{set.Name}: {warning}");
            }
            var text = Markdown(loaded, sets, count, circuits, results);
            Output[] files = [.. path is null ? Array.Empty<Output>() : [Output.Text(path, text)], .. parse.GetValue(report) is { } page ? [Output.Text(page, CrossTaskReport.Page(study, choice))] : Array.Empty<Output>()];
            OutputFile.WriteTogether(files);
            if (path is null) context.Output.WriteText(text);
        });
        return command;
    }

    private static string Markdown(LoadedModel model, PromptSet[] sets, int count, IReadOnlyList<Circuit> circuits, IReadOnlyList<IReadOnlyList<Faithfulness>> results)
    {
        var names = Array.ConvertAll(sets, s => Engine.Reports.Markdown.Text(s.Name));
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"Normalised faithfulness with {Engine.Reports.Markdown.Code(model.Name)}: the circuit of the row's task ({count} edges of EAP-IG, then pruned) on the column's task; {sets.Max(s => s.Count)} examples each.\n\n");
        text.Append(CultureInfo.InvariantCulture, $"| circuit of | edges | {string.Join(" | ", names)} |\n|---|---:|{string.Concat(sets.Select(_ => "---:|"))}\n");
        for (var row = 0; row < sets.Length; row++)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {names[row]} | {circuits[row].EdgeCount} | ");
            text.Append(CultureInfo.InvariantCulture, $"{string.Join(" | ", results.Select(column => Figures.Fixed(column[row].Normalised, 2)))} |\n");
        }
        foreach (var (name, column) in names.Zip(results))
        {
            if (column[0].Undefined is not null) text.Append($"\n{name}: faithfulness is {FaithfulnessText.Of(column[0])}.\n");
        }
        text.Append("\nJaccard overlap of their edges:\n\n");
        text.Append(CultureInfo.InvariantCulture, $"| circuit of | {string.Join(" | ", names)} |\n|---|{string.Concat(sets.Select(_ => "---:|"))}\n");
        for (var row = 0; row < sets.Length; row++)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {names[row]} | {string.Join(" | ", circuits.Select(c => CircuitComparison.Edges(circuits[row], c).Jaccard.ToString("0.00", CultureInfo.InvariantCulture)))} |\n");
        }
        text.Append("\nThe data, by the first example of each and the share of examples in which the answers lie above the distractors:\n\n");
        for (var column = 0; column < sets.Length; column++)
        {
            text.Append(CultureInfo.InvariantCulture, $"- {names[column]}: {DataSummary.Right(results[column][0].Clean):0.#%}; {Engine.Reports.Markdown.Code(DataSummary.FirstExample(model, sets[column]))}\n");
        }
        return text.ToString();
    }
}
