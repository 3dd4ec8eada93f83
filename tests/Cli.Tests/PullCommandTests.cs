using System.Diagnostics;
using Faith.Engine.Tests.Hub;
using Xunit;

namespace Faith.Cli.Tests;

/// <summary>faith pull from a hub on this machine, and what the other commands make of what it has brought.</summary>
public sealed class PullCommandTests : CliTest
{
    private const string Token = "hf_secretsecret";

    private readonly HubServer server = new();

    public PullCommandTests()
    {
        (Variables["HF_ENDPOINT"], Variables["HF_HUB_CACHE"], Variables["HF_TOKEN"]) = (server.Endpoint, At("hub"), Token);
        var folder = TinyModel.Write(At("made"));
        server.Repositories["org/model"] = Directory.GetFiles(folder).ToDictionary(path => Path.GetFileName(path)!, File.ReadAllBytes);
    }

    private Outcome Failed(params string[] args)
    {
        var outcome = RunProcess(args);
        Assert.Empty(outcome.Output);
        Assert.Single(outcome.Error.TrimEnd('\n').Split('\n'));
        Assert.DoesNotContain(Token, outcome.Error);
        return outcome;
    }

    [Fact]
    public void A_model_is_pulled_and_used()
    {
        Write("data.jsonl", """{"clean": [1, 2, 3], "corrupted": [1, 4, 3], "answers": [5], "distractors": [6]}""");
        string[] use = ["accuracy", "--model", "org/model", "--data", "data.jsonl", "--device", "cpu"];
        var (code, _, error) = Failed(use);
        Assert.Equal(FaithProgram.BadInput, code);
        Assert.Contains("model 'org/model' is neither a directory nor in the Hugging Face cache", error);
        Assert.Contains("faith pull org/model fetches it", error);
        Assert.Empty(server.Requests);

        var pulled = RunProcess("pull", "org/model");
        Assert.Equal((0, ""), (pulled.Code, pulled.Error));
        Assert.Contains($"org/model: 2 files of ", pulled.Output);
        Assert.EndsWith($"snapshots/{HubServer.Commit}\n", pulled.Output);
        var asked = server.Requests.Count;
        var used = RunProcess(use);
        Assert.True(used.Code == 0, used.Error);
        Assert.Equal(asked, server.Requests.Count);
        Assert.Contains(", all of which was here", RunProcess("pull", "org/model").Output);

        Assert.Equal(0, RunProcess("pull", "org/model", "--to", "here").Code);
        Assert.Equal(0, RunProcess("accuracy", "--model", "here", "--data", "data.jsonl", "--device", "cpu").Code);
    }

    [Fact]
    public void Refusals_are_one_line()
    {
        var (code, _, error) = Failed("pull", "no/such");
        Assert.Equal((FaithProgram.BadInput, "faith: no/such: the hub refuses it (401): there is no such repository, or it is gated or private; the account of the token in HF_TOKEN has no access\n"), (code, error));
        Assert.StartsWith("faith: no/such: the hub refuses it (401)", Failed("pull", "--dataset", "no/such").Error);
        server.Dispose();
        Variables["HF_HUB_OFFLINE"] = "1";
        Assert.Contains("HF_HUB_OFFLINE is set", Failed("pull", "org/model").Error);
    }

    [Fact]
    public void Arguments_are_checked()
    {
        Refused("needs the name of a model, or --dataset NAME", "pull");
        Refused("not both", "pull", "gpt2", "--dataset", "a/b");
        Refused("--config is of data sets", "pull", "gpt2", "--config", "c");
        Refused("'../etc' is not the name of a repository", "pull", "../etc");
        Refused("'a/b@../c' is not the name of a repository", "pull", "a/b@../c");
    }

    [Fact]
    public async Task A_signal_leaves_what_has_arrived()
    {
        var content = new byte[3_000_000];
        server.Repositories["org/model"]["model.safetensors"] = content;
        var (asked, never) = (new TaskCompletionSource(), new TaskCompletionSource());
        server.Instead = request =>
        {
            if (request is not { IsStore: true, Method: "GET" }) return null;
            asked.TrySetResult();
            return server.Answer(request) with { CutAfter = 2_000_000, Until = never.Task };
        };
        using var process = Start("pull", "org/model");
        await asked.Task.WaitAsync(TimeSpan.FromSeconds(60));
        var clock = Stopwatch.StartNew();
        while (Incomplete() is not { Length: 2_000_000 } && clock.Elapsed < TimeSpan.FromSeconds(60)) await Task.Delay(20);
        using (var kill = Process.Start("kill", ["-15", $"{process.Id}"])) kill.WaitForExit();
        var error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        never.SetResult();
        Assert.Equal(143, process.ExitCode);
        Assert.Equal("faith: cancelled; what has arrived is kept, and the same command goes on from there\n", error);
        Assert.Equal(2_000_000, Incomplete()!.Length);

        server.Instead = _ => null;
        Assert.Equal(0, RunProcess("pull", "org/model").Code);
        Assert.Equal("bytes=2000000-", server.Requests.Last(request => request.IsStore)["Range"]);
    }

    /// <summary>A disk that is full, in the middle of a file.</summary>
    [Fact]
    public void What_cannot_be_written_is_one_line_and_is_gone_on_with()
    {
        var content = new byte[3_000_000];
        new Random(1).NextBytes(content);
        server.Repositories["org/model"]["model.safetensors"] = content;
        var start = new ProcessStartInfo("bash", ["-c", $"trap '' XFSZ; ulimit -f 1000; export DOTNET_EnableWriteXorExecute=0; exec dotnet '{Path.Combine(AppContext.BaseDirectory, "faith.dll")}' pull org/model"]) { RedirectStandardError = true, RedirectStandardOutput = true, WorkingDirectory = Folder };
        foreach (var (name, value) in Variables) start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(FaithProgram.BadInput, process.ExitCode);
        Assert.Contains(".incomplete: cannot be written (", Assert.Single(error.TrimEnd('\n').Split('\n')));
        Assert.Contains("what has arrived is kept, and the same command goes on from there", error);
        Assert.InRange(Incomplete()!.Length, 1, 1_024_000);
        Assert.False(Directory.Exists(Path.Combine(At("hub"), "models--org--model", "snapshots")));

        var kept = Incomplete()!.Length;
        Assert.Equal(0, RunProcess("pull", "org/model").Code);
        Assert.Equal($"bytes={kept}-", server.Requests.Last(request => request.IsStore)["Range"]);
    }

    private FileInfo? Incomplete() => Directory.Exists(At("hub")) ? Directory.GetFiles(At("hub"), "*.incomplete", SearchOption.AllDirectories).Select(path => new FileInfo(path)).FirstOrDefault() : null;
}
