using System.CommandLine;
using System.Text;
using Faith.Engine.Files;
using Faith.Engine.Tasks;

namespace Faith.Cli.Commands;

/// <summary>`faith tasks`: the built-in tasks.</summary>
internal static class TasksCommand
{
    public static Command Create(CommandContext context) => new FaithCommand("tasks", "The built-in tasks: lists, shows and exports them.",
        "faith tasks list", "faith tasks show ioi", "faith tasks export ioi --examples 200 --out ioi.jsonl")
    {
        List(context), Show(context), Export(context),
    };

    private static FaithCommand List(CommandContext context)
    {
        var command = new FaithCommand("list", "The names of the tasks and what a model has to do in each.", "faith tasks list");
        command.SetAction(_ =>
        {
            var table = new TextTable("task", "what it asks");
            foreach (var task in TaskCatalog.All) table.Add(task.Name, task.Description);
            table.Write(context);
        });
        return command;
    }

    private static FaithCommand Show(CommandContext context)
    {
        var (name, examples, seed, split) = (Name(), Examples(3), Seed(), Split());
        var command = new FaithCommand("show", "Some prompts of a task.", "faith tasks show greater-than --examples 5") { name, examples, seed, split };
        command.SetAction(parse =>
        {
            var task = TaskCatalog.Find(parse.GetRequiredValue(name));
            context.Output.WriteLine($"{task.Name}: {task.Description}");
            foreach (var prompt in task.Generate(parse.GetValue(examples), (ulong)parse.GetValue(seed), TaskPrompts.Splits[parse.GetRequiredValue(split)], context.Cancellation))
            {
                context.Output.WriteLine();
                context.Output.WriteLine($"  clean        {prompt.Clean}");
                context.Output.WriteLine($"  corrupted    {prompt.Corrupted}");
                context.Output.WriteLine($"  answers      {TaskPrompts.Shorten(prompt.Answers)}");
                context.Output.WriteLine($"  distractors  {TaskPrompts.Shorten(prompt.Distractors)}");
            }
        });
        return command;
    }

    private static FaithCommand Export(CommandContext context)
    {
        var (name, examples, seed, split) = (Name(), Examples(TaskPrompts.DefaultCount), Seed(), Split());
        var output = new PathOption("--out", PathRole.Output, "where to write; standard output unless given");
        var command = new FaithCommand("export", "Writes the prompts of a task as JSONL, for --data.",
            "faith tasks export sva --out sva.jsonl", "faith tasks export ioi --examples 500 --split train --seed 1 > ioi.jsonl")
        { name, examples, seed, split, output };
        command.SetAction(parse =>
        {
            var path = parse.GetValue(output);
            var task = TaskCatalog.Find(parse.GetRequiredValue(name));
            var prompts = task.Generate(parse.GetValue(examples), (ulong)parse.GetValue(seed), TaskPrompts.Splits[parse.GetRequiredValue(split)], context.Cancellation);
            var lines = TaskPrompts.ToJsonLines(prompts, context.Cancellation);
            if (path is null)
            {
                context.Output.WriteText(Encoding.UTF8.GetString(lines));
                return;
            }
            OutputFile.Write(path, stream => stream.Write(lines));
            context.Output.WriteLine($"{path}: {prompts.Count} prompts of {task.Name}");
        });
        return command;
    }

    private static Argument<string> Name() => new("task") { Description = $"one of {string.Join(", ", TaskCatalog.All.Select(task => task.Name))}", HelpName = "TASK" };

    private static Option<int> Examples(int fallback) => OptionKinds.Integer("--examples", "how many prompts", fallback, 1, 1_000_000);

    private static Option<int> Seed() => OptionKinds.Integer("--seed", "which prompts: equal seeds give equal prompts", 0, 0, int.MaxValue);

    private static Option<string> Split() => new ChoiceOption("--split", "which part of the prompts; the shipped model was trained on train", "held-out", TaskPrompts.Splits.Keys);
}
