using System.Text.Json;
using Faith.Engine.Tasks;
using Xunit;

namespace Faith.Cli.Tests;

public sealed class TasksCommandTests : CliTest
{
    [Fact]
    public void List_names_every_task()
    {
        var output = Done("tasks", "list");
        Assert.All(TaskCatalog.All, task => Assert.Contains(task.Name, output, StringComparison.Ordinal));
        Assert.Equal(TaskCatalog.All.Count + 1, output.TrimEnd().Split('\n').Length);
    }

    [Fact]
    public void Show_prints_the_prompts_asked_for()
    {
        var output = Done("tasks", "show", "ioi", "--examples", "2", "--seed", "5");
        Assert.All(TaskCatalog.Find("ioi").Generate(2, 5, TaskSplit.HeldOut), prompt =>
        {
            Assert.Contains(prompt.Clean, output, StringComparison.Ordinal);
            Assert.Contains(prompt.Corrupted, output, StringComparison.Ordinal);
        });
    }

    [Fact]
    public void A_cancelled_export_leaves_nothing()
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = FaithProgram.Run(["tasks", "export", "ioi", "--examples", "3", "--out", At("ioi.jsonl")], output, error, new CancellationToken(canceled: true));
        Assert.Equal((FaithProgram.Interrupted, "faith: cancelled; nothing was written"), (code, error.ToString().TrimEnd()));
        Assert.False(File.Exists(At("ioi.jsonl")));
    }

    [Fact]
    public void Export_writes_the_same_to_a_file_and_to_standard_output()
    {
        var output = Done("tasks", "export", "greater-than", "--examples", "4", "--split", "train");
        Assert.Contains("4 prompts of greater-than", Done("tasks", "export", "greater-than", "--examples", "4", "--split", "train", "--out", At("g.jsonl")), StringComparison.Ordinal);
        Assert.Equal(output, File.ReadAllText(At("g.jsonl")));
        var lines = output.TrimEnd().Split('\n').Select(line => JsonDocument.Parse(line).RootElement).ToList();
        var prompts = TaskCatalog.Find("greater-than").Generate(4, 0, TaskSplit.Train);
        Assert.Equal(prompts.Select(p => p.Clean), lines.Select(line => line.GetProperty("clean").GetString()));
        Assert.Equal(prompts.Select(p => p.Answers.Length), lines.Select(line => line.GetProperty("answers").GetArrayLength()));
    }

    [Fact]
    public void Bad_arguments_are_refused()
    {
        Refused("no task named 'nothing'; the built-in tasks are ioi", "tasks", "show", "nothing");
        Refused("faith tasks has no command shwo; it has list, show, export", "tasks", "shwo");
        Refused("--examples must be a whole number from 1 to 1000000, not 0", "tasks", "show", "ioi", "--examples", "0");
        Refused("--split test is not known; known: held-out, train", "tasks", "export", "ioi", "--split", "test");
        Refused("--seed must be a whole number of 0 or more, not -1", "tasks", "export", "ioi", "--seed", "-1");
        Refused("prompts asked for, but there are only", "tasks", "export", "hypernymy", "--examples", "1000000", "--out", At("x.jsonl"));
        Refused($"{At("none/x.jsonl")}: the folder does not exist", "tasks", "export", "ioi", "--out", At("none/x.jsonl"));
        Refused($"{Folder}: is a folder", "tasks", "export", "ioi", "--out", Folder);
    }
}
