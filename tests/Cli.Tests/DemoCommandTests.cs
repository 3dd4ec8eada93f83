using System.Text.Json;
using Xunit;

namespace Faith.Cli.Tests;

/// <summary>demo and accuracy, on the shipped model.</summary>
public sealed class DemoCommandTests : CliTest
{
    [Fact]
    public void One_task_gives_a_report_with_its_files()
    {
        var output = Done("demo", "--examples", "6", "--out", At("demo"), "--device", "cpu");
        foreach (var name in (string[])["report.md", "circuit.svg", "curve.svg", "curve.csv", "scores.json"]) Assert.Contains(Path.Combine(At("demo"), name), Directory.GetFiles(At("demo")));
        Assert.Contains("tasks-4l, 6 held-out prompts of ioi", output, StringComparison.Ordinal);
        Assert.Contains("EAP-IG", output, StringComparison.Ordinal);
        Assert.Contains("completeness gap", output, StringComparison.Ordinal);
        Assert.Matches(@"EAP-IG keeps \d+% of the behaviour with \d+ of 1,519 edges", output);

        // The circuit of the file is the one that the text speaks of, and it does what the text says.
        Done("evaluate", "--model", "tasks-4l", "--data", "ioi", "--examples", "6", "--circuit", At("demo/scores.json"), "--json", At("r.json"));
        var result = JsonDocument.Parse(File.ReadAllText(At("r.json"))).RootElement;
        Assert.Contains($"EAP-IG keeps {result.GetProperty("faithfulness").GetDouble():0%} of the behaviour with {result.GetProperty("edges").GetInt32()} of", output, StringComparison.Ordinal);
        Assert.StartsWith($"# `tasks-4l` on ioi\n\nEAP-IG keeps", File.ReadAllText(At("demo/report.md")), StringComparison.Ordinal);
        Assert.Contains(At("demo/report.md"), Done("demo", "--task", "sva", "--examples", "3", "--out", At("demo")), StringComparison.Ordinal);
    }

    [Fact]
    public void All_tasks_give_a_table()
    {
        var output = Done("demo", "--all", "--examples", "2", "--out", At("all"));
        Assert.Equal(output, File.ReadAllText(At("all/tasks.md")));
        foreach (var task in Engine.Tasks.TaskCatalog.All)
        {
            Assert.Contains($"- {task.Name}: `<|endoftext|>", output, StringComparison.Ordinal);
            foreach (var method in (string[])["EAP-IG", "EAP", "random"]) Assert.Contains($"| {task.Name} | {method} | ", output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void The_shipped_model_does_the_tasks()
    {
        foreach (var task in Engine.Tasks.TaskCatalog.All)
        {
            Done("accuracy", "--model", "tasks-4l", "--data", task.Name, "--examples", "40", "--json", At("a.json"));
            var result = JsonDocument.Parse(File.ReadAllText(At("a.json"))).RootElement;
            Assert.True(result.GetProperty("clean_right").GetDouble() >= 0.95, task.Name);
            Assert.True(result.GetProperty("clean_likelier").GetDouble() >= 0.95, task.Name);
            // After corruption both names of ioi and nearly every year of greater-than are as good as before.
            Assert.True(result.GetProperty("corrupted_changed").GetDouble() >= (task.Name is "ioi" or "greater-than" ? 0.2 : 0.9), task.Name);
        }
    }

    [Fact]
    public void Bad_arguments_are_refused()
    {
        Refused("no task named 'nothing'", "demo", "--task", "nothing", "--out", At("demo"));
        Refused("give either --task or --all", "demo", "--task", "ioi", "--all", "--out", At("demo"));
        Refused($"{Write("file", "")}: is a file", "demo", "--out", At("file"));
        Refused($"{At("file/x")}: {At("file")} is a file, not a folder", "demo", "--out", At("file/x"));
        Refused("--model", "accuracy", "--data", "ioi");
        Refused("is neither a directory nor a shipped model", "demo", "--model", "nobody", "--out", At("demo"));
    }
}
