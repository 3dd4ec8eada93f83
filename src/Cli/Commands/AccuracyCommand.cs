using System.CommandLine;
using Faith.Engine.Metrics;

namespace Faith.Cli.Commands;

/// <summary>`faith accuracy`: whether a model does a task at all.</summary>
internal static class AccuracyCommand
{
    public static Command Create(CommandContext context)
    {
        var run = new RunOptions(context, measures: false);
        var json = new PathOption("--json", PathRole.Output, "the result with the value of every example");
        var command = new FaithCommand("accuracy", "Measures how often a model prefers the answers to the distractors.",
            "faith accuracy --model tasks-4l --data ioi", "faith accuracy --model ./gpt2 --data pairs.jsonl --json accuracy.json");
        run.AddTo(command);
        command.Add(json);
        command.SetAction(parse =>
        {
            var path = parse.GetValue(json);
            using var model = run.LoadModel(parse);
            var data = run.LoadData(parse, model);
            var device = run.Device(parse);
            var result = Accuracy.Measure(model.On(device), data, device.MemoryBytes, context.Cancellation);
            if (path is not null)
            {
                JsonFile.Write(path, writer =>
                {
                    writer.WriteNumber("examples", data.Count);
                    writer.WriteNumber("clean_right", result.CleanRight);
                    writer.WriteNumber("clean_likelier", result.CleanLikelier);
                    if (data.HasCorrupted) writer.WriteNumber("corrupted_changed", result.CorruptedChanged);
                    writer.WriteMetric("clean_answer_share", [.. result.Clean.Select(p => p.AnswerShare)]);
                    if (data.HasCorrupted) writer.WriteMetric("corrupted_answer_share", [.. result.Corrupted.Select(p => p.AnswerShare)]);
                });
            }
            var table = new TextTable($"{model.Name} on {data.Count} examples of {data.Name}", ">share");
            table.Add("clean: an answer is more likely than every distractor", result.CleanRight.ToString("0.0%"));
            table.Add("clean: the answers together are more likely than the distractors", result.CleanLikelier.ToString("0.0%"));
            if (data.HasCorrupted) table.Add("corrupted: no answer is more likely than every distractor any more", result.CorruptedChanged.ToString("0.0%"));
            table.Write(context);
            DataSummary.Write(context, model, data, result.CleanRight);
        });
        return command;
    }
}
