using System.CommandLine;
using System.Diagnostics;
using Faith.Engine;
using Faith.Engine.Experiments;
using Faith.Engine.Files;
using Faith.Engine.Reports;
using Faith.Engine.Tasks;

namespace Faith.Cli.Commands;

/// <summary>`faith demo`: the shipped model on one task, from accuracy to a picture of the circuit; or a table of all tasks.</summary>
internal static class DemoCommand
{
    private const string ShippedModel = "tasks-4l";
    private const string DefaultFolder = "faith-demo";
    private const string AllFile = "tasks.md";
    private const int EdgesShown = 8;

    public static Command Create(CommandContext context)
    {
        var task = new Option<string>("--task")
        {
            Description = $"the task: {string.Join(", ", TaskCatalog.All.Select(t => t.Name))}", HelpName = "task", DefaultValueFactory = _ => TaskCatalog.All[0].Name,
        };
        var all = new Option<bool>("--all") { Description = $"all tasks: a Markdown table of accuracy and faithfulness, also written to {AllFile}" };
        var model = new PathOption("--model", PathRole.Model, "another model") { DefaultValueFactory = _ => ShippedModel };
        var examples = OptionKinds.Integer("--examples", "held-out prompts of each task", TaskPrompts.DefaultCount, 1, 1_000_000);
        var output = new PathOption("--out", PathRole.Folder, "the folder for the results") { DefaultValueFactory = _ => DefaultFolder };
        var device = new DeviceOptions(context);
        var reading = new ReadingOptions(context);
        var command = new FaithCommand("demo", "Finds the circuit of one task in the shipped model, by EAP and EAP-IG, and shows how faithful it is.",
            "faith demo", "faith demo --task greater-than --out greater-than", "faith demo --all")
        { task, all, model, examples, output };
        reading.AddTo(command);
        device.AddTo(command);
        command.Validators.Add(result =>
        {
            if (result.GetResult(all) is { Implicit: false } && result.GetResult(task) is { Implicit: false }) result.AddError("give either --task or --all");
        });
        command.SetAction(parse =>
        {
            var folder = parse.GetRequiredValue(output);
            var tasks = parse.GetValue(all) ? TaskCatalog.All : [TaskCatalog.Find(parse.GetRequiredValue(task))];
            var clock = Stopwatch.StartNew();
            using var loaded = reading.LoadModel(parse, parse.GetRequiredValue(model));
            var choice = device.Read(parse);
            var studies = ProgressDisplay.Run(context, progress => tasks.Select(t =>
            {
                var run = reading.Specification(parse, parse.GetRequiredValue(model)) with { Data = t.Name, Examples = parse.GetValue(examples) };
                return TaskStudy.Make(LoadedRun.Load(run, loaded, context.Note, context.Cancellation), choice, progress, context.Cancellation);
            }).ToList());
            OutputFolder.Make(folder);
            if (parse.GetValue(all)) WriteAll(context, folder, loaded, studies);
            else WriteOne(context, folder, loaded, choice, studies[0], clock);
        });
        return command;
    }

    private static void WriteAll(CommandContext context, string folder, LoadedModel loaded, IReadOnlyList<TaskStudy> studies)
    {
        var firsts = studies.Select(study => $"- {Markdown.Text(study.Data.Name)}: {Markdown.Code(DataSummary.FirstExample(loaded, study.Data))}\n");
        var text = $"{StudyTables.Markdown(loaded.Name, studies)}\nThe first example of each:\n\n{string.Concat(firsts)}";
        OutputFile.WriteInFolder(folder, Output.Text(AllFile, text));
        context.Output.WriteText(text);
        foreach (var study in studies)
        {
            foreach (var warning in DataSummary.Warnings(study.AnyCircuit, study.Accuracy.CleanRight)) context.Note($"{study.Data.Name}: {warning}");
        }
    }

    private static void WriteOne(CommandContext context, string folder, LoadedModel loaded, DeviceChoice choice, TaskStudy study, Stopwatch clock)
    {
        var transformer = loaded.On(choice);
        string[] prose = [StudyProse.Conclusion(study), StudyProse.Accuracy(study), StudyProse.Scores(study), StudyProse.Times(study, transformer.Device.Name)];
        StudyFiles.Write(folder, study, choice, prose);

        var output = context.Output;
        output.WriteLine($"{loaded.Name}, {study.Data.Count} held-out prompts of {study.Data.Name}, on {transformer.Device.Name}");
        output.WriteLine($"  clean      {study.Data.Texts[0].Clean} → {Words(loaded, study.Data[0].Answers)}");
        output.WriteLine($"  corrupted  {study.Data.Texts[0].Corrupted}");
        output.WriteLine(StudyProse.Accuracy(study));
        foreach (var warning in DataSummary.Warnings(study.AnyCircuit, study.Accuracy.CleanRight)) output.WriteLine($"warning: {warning}");
        output.WriteLine();
        output.WriteLine("The edges with the largest EAP-IG scores:");
        Edges(study).Write(context);
        output.WriteLine(StudyProse.Scores(study));
        output.WriteLine();
        output.WriteLine("Normalised faithfulness (1 = the whole model, 0 = the corrupted run), greedy selection:");
        Curves(study).Write(context);
        if (study.AnyCircuit.Undefined is null)
        {
            output.WriteLine("* the smallest that keeps most of the behaviour: the circuit that is drawn");
            output.WriteLine();
            FaithfulnessChart.Write(output, context.Width, study.Sizes, ('o', study.EapIgSweep), ('x', study.EapSweep), ('.', study.RandomSweep));
        }
        output.WriteLine();
        output.WriteLine(StudyProse.Times(study, transformer.Device.Name));
        output.WriteLine($"{Path.Combine(folder, StudyFiles.Report)}: the report, with {StudyFiles.Picture}, {StudyFiles.Plot}, {StudyFiles.Table} and {StudyFiles.Scores}; {clock.Elapsed.TotalSeconds:0.0} s in all");
        output.WriteLine();
        output.WriteLine(StudyProse.Conclusion(study));
        output.WriteLine($"{Path.Combine(folder, StudyFiles.Page)} shows the circuit at any size, its edges and the examples; a browser opens it");
    }

    private static string Words(LoadedModel loaded, int[] tokens) => TaskPrompts.Shorten([.. tokens.Select(loaded.Tokenizer!.TokenText)]);

    private static TextTable Edges(TaskStudy study)
    {
        var graph = study.EapIg.Scores.Graph;
        var table = new TextTable("edge", ">EAP-IG", ">± s.e.", ">EAP", ">EAP rank");
        var order = Ranked(study.EapIg);
        var eapRank = Ranked(study.Eap).Select((edge, rank) => (edge, rank)).ToDictionary(e => e.edge, e => e.rank + 1);
        foreach (var edge in order.Take(EdgesShown))
        {
            table.Add(graph.EdgeName(edge), Number(study.EapIg.Scores.Values[edge]),
                study.EapIg.StandardErrors is { } errors ? Number(errors[edge]) : "", Number(study.Eap.Scores.Values[edge]), $"{eapRank[edge]}");
        }
        return table;

        static Engine.Graphs.EdgeId[] Ranked(Engine.Attribution.AttributionResult result) =>
            [.. result.Scores.Graph.AllEdges.OrderByDescending(e => Math.Abs(result.Scores.Values[e]))];
    }

    private static TextTable Curves(TaskStudy study)
    {
        var table = new TextTable(">selected", ">edges", ">nodes", ">EAP-IG", ">EAP", ">random", ">(range)");
        for (var i = 0; i < study.Sizes.Count; i++)
        {
            var (found, random) = (study.EapIgSweep.Points[i], study.RandomSweep.Points[i]);
            table.Add($"{study.Sizes[i]}{(i == study.ChosenIndex && study.AnyCircuit.Undefined is null ? " *" : "")}", $"{found.Edges}", $"{found.Nodes}", Number(found.Mean), Number(study.EapSweep.Points[i].Mean), Number(random.Mean),
                $"{Number(random.Least)} … {Number(random.Most)}");
        }
        return table;
    }

    private static string Number(double value) => Figures.Fixed(value, 3);
}
