using System.Diagnostics;
using System.Text.Json.Nodes;
using Xunit;

namespace Faith.Cli.Tests;

/// <summary>Runs that are stopped at any moment leave whole files or none, and the next run cleans up after them.</summary>
public sealed class KillTests : CliTest
{
    private const int Hup = 1, Int = 2, Kill = 9, Term = 15;
    // From before the program has begun to after it has written.
    private const int LongestWait = 1200;

    // Jobs in the background of a script ignore SIGINT, and so would the runs that such a job's tests start.
    public KillTests()
    {
        if (OperatingSystem.IsLinux()) Launcher = ["env", "--default-signal=HUP,INT", .. Launcher];
    }

    [Theory]
    [InlineData(Term)]
    [InlineData(Int)]
    [InlineData(Kill)]
    public void A_stopped_run_leaves_whole_files_or_none(int signal)
    {
        var scores = At("scores.json");
        Done("attribute", "--model", "tasks-4l", "--data", "ioi", "--examples", "2", "--out", scores);
        string[][] commands =
        [
            ["attribute", "--model", "tasks-4l", "--data", "ioi", "--examples", "20", "--steps", "20", "--out", At("out"), "--json", At("more")],
            ["curve", "--model", "tasks-4l", "--data", "ioi", "--examples", "20", "--scores", scores, "--out", At("out"), "--svg", At("more")],
            ["demo", "--examples", "10", "--out", At("demo")],
        ];
        var random = new Random(signal);
        for (var round = 0; round < 2; round++)
        {
            foreach (var command in commands)
            {
                const string before = "before";
                File.WriteAllText(At("out"), before);
                File.WriteAllText(At("more"), before);
                var ended = Stop(command, signal, random.Next(LongestWait));
                Assert.True(ended == 0 || ended == 128 + signal, $"{command[0]} returned {ended}");

                // Both are old or both are new, and what is new is whole.
                var texts = (string[])[File.ReadAllText(At("out")), File.ReadAllText(At("more"))];
                if (signal != Kill) Assert.Equal(texts[0] == before, texts[1] == before);
                foreach (var text in texts.Where(t => t != before)) Assert.Contains(text.TrimEnd()[^1], "}0123456789.>");
                if (signal != Kill && Directory.Exists(At("demo"))) Assert.Contains(Directory.GetFiles(At("demo")).Length, (int[])[0, 6]);
                if (signal != Kill) Assert.Empty(Temporaries());
                if (Directory.Exists(At("demo"))) Directory.Delete(At("demo"), recursive: true);
            }
        }
        Done("circuit", "--scores", scores, "--edges", "3", "--out", At("circuit.json"));
        Assert.Empty(Temporaries());
    }

    [Theory]
    [InlineData("mattr", Kill)]
    [InlineData("edge-pruning", Kill)]
    [InlineData("mattr", Int)]
    public void A_stopped_training_goes_on_to_the_scores_of_one_that_ran_through(string method, int signal)
    {
        const int mostKills = 4, mostRuns = 30;
        string[] Command(string scores, params string[] more) => [.. Training(method), "--out", At(scores), .. more];
        string Scores(string file)
        {
            var scores = JsonNode.Parse(File.ReadAllText(At(file)))!;
            scores["run"]!.AsObject().Remove("seconds");
            return scores.ToJsonString();
        }
        Done(Command("through.json"));
        var (random, kills) = (new Random(signal), 0);
        string[] stopped = Command("stopped.json", "--checkpoint", At("training"), "--checkpoint-every", "3");
        for (var runs = 0; kills < mostKills && !File.Exists(At("stopped.json")); runs++)
        {
            Assert.True(runs < mostRuns, "the training does not come to an end");
            if (StopAfterCheckpoint(stopped, signal, random.Next(60)) != 0) kills++;
        }
        Assert.True(kills > 0);
        Assert.Equal(0, Run(stopped).Code);
        Assert.Equal(Scores("through.json"), Scores("stopped.json"));
        Assert.Empty(Temporaries());
    }

    [Theory]
    [InlineData(Hup)]
    [InlineData(Int)]
    public void A_signal_stops_a_run_unless_whoever_started_it_has_it_ignored(int signal)
    {
        string[] Command(string name) => [.. Training("mattr"), "--out", At(name + ".json"), "--checkpoint", At("training"), "--checkpoint-every", "3"];
        Assert.Equal(128 + signal, StopAfterCheckpoint(Command("stopped"), signal, 0));
        Assert.False(File.Exists(At("stopped.json")));

        Launcher = ["sh", "-c", $"trap '' {signal}; exec \"$@\"", "sh", "dotnet"];
        Assert.Equal(0, StopAfterCheckpoint(Command("ignoring"), signal, 0));
        Assert.True(File.Exists(At("ignoring.json")));
    }

    private static string[] Training(string method) => ["attribute", "--model", "tasks-4l", "--data", "ioi", "--examples", "20", "--method", method, "--train-steps", "240"];

    // Some time after a checkpoint of its own, so that a fast machine is stopped on the way too and a slow one gets on.
    private int StopAfterCheckpoint(string[] command, int signal, int milliseconds)
    {
        var before = Written();
        return Stop(command, signal, process =>
        {
            while (!process.WaitForExit(2))
                if (Written() != before) return process.WaitForExit(milliseconds);
            return true;
        });
    }

    private DateTime? Written() => File.Exists(At("training")) ? File.GetLastWriteTimeUtc(At("training")) : null;

    private string[] Temporaries() => Directory.GetFiles(Folder, ".faith-*", SearchOption.AllDirectories);

    private int Stop(string[] command, int signal, int milliseconds) => Stop(command, signal, process => process.WaitForExit(milliseconds));

    private int Stop(string[] command, int signal, Func<Process, bool> endsBefore)
    {
        using var process = Start(command);
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        if (!endsBefore(process))
        {
            using var kill = Process.Start("kill", [$"-{signal}", $"{process.Id}"]);
            kill.WaitForExit();
        }
        process.WaitForExit();
        Task.WaitAll(output, error);
        Assert.DoesNotContain("internal error", error.Result, StringComparison.Ordinal);
        return process.ExitCode;
    }
}
