using System.Text.Json.Nodes;
using Xunit;

namespace Faith.Cli.Tests;

/// <summary>`faith mib` on several cells: what is done stays done, and what was made otherwise is made anew.</summary>
public sealed class MibResumeTests : CliTest
{
    private const string Cells = "ioi_gpt2,mcqa_qwen2.5,arc-easy_gemma2";

    private readonly string[] on;

    public MibResumeTests()
    {
        on = ["--model", "tasks-4l", "--data", At("data"), "--threads", "1"];
        foreach (var dataSet in (string[])["mib-bench/ioi", "mib-bench/copycolors_mcqa", "mib-bench/arc_easy"])
        {
            foreach (var (name, content) in MibDataSets.Files(dataSet))
            {
                var path = Path.Combine(At("data"), dataSet, name);
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                File.WriteAllBytes(path, content);
            }
        }
    }

    private string Scores(string cell) => Path.Combine(At("out"), cell, "importances.json");

    private Outcome Attribute(params string[] more) => Run(["mib", "attribute", .. on, "--out", At("out"), .. more]);

    [Fact]
    public void Cells_that_are_done_are_left_and_one_that_fails_holds_up_no_other()
    {
        var hidden = Path.Combine(At("data"), "mib-bench", "copycolors_mcqa");
        Directory.Move(hidden, At("away"));
        var (code, output, error) = Attribute("--cell", Cells);
        Assert.Equal(FaithProgram.BadInput, code);
        Assert.Contains("faith: mcqa_qwen2.5: ", error, StringComparison.Ordinal);
        Assert.EndsWith("faith: 1 of 3 cells failed; the same command tries them again and leaves the others\n", error, StringComparison.Ordinal);
        Assert.Contains("3/3 arc-easy_gemma2", output, StringComparison.Ordinal);
        Directory.Move(At("away"), hidden);
        var before = (File.ReadAllText(Scores("ioi_gpt2")), File.GetLastWriteTimeUtc(Scores("ioi_gpt2")));

        (code, output, error) = Attribute("--cell", "ioi_gpt2", "--cell", "mcqa_qwen2.5,ioi_gpt2,arc-easy_gemma2");
        Assert.Equal((0, ""), (code, error));
        Assert.Equal(2, output.Split("done before, by the same run").Length - 1);
        Assert.Contains($"{Scores("mcqa_qwen2.5")}: 1519 edges scored", output, StringComparison.Ordinal);
        Assert.Equal(before, (File.ReadAllText(Scores("ioi_gpt2")), File.GetLastWriteTimeUtc(Scores("ioi_gpt2"))));

        // Each cell's results are those of a run of its own.
        string[] evaluate = ["mib", "evaluate", .. on, "--scores", At("out"), "--out", At("results")];
        var (_, first, _) = Run([.. evaluate, "--cell", "arc-easy_gemma2"]);
        var (_, all, _) = Run([.. evaluate, "--cell", Cells]);
        Assert.Contains("arc-easy_gemma2.json: done before", all, StringComparison.Ordinal);
        Assert.DoesNotContain("done before", first, StringComparison.Ordinal);
        var row = all.Split('\n').Last(line => line.StartsWith("arc-easy_gemma2 ", StringComparison.Ordinal));
        Assert.Contains($"{(double)Json("results/arc-easy_gemma2.json")["by_size"]!["cmd"]!:0.000}", row, StringComparison.Ordinal);
        Run(["mib", "evaluate", .. on, "--scores", Scores("ioi_gpt2"), "--cell", "ioi_gpt2", "--json", At("single.json")]);
        Assert.Equal(Json("single.json").ToJsonString(), Json("results/ioi_gpt2.json").ToJsonString());
    }

    [Fact]
    public void What_was_made_otherwise_is_made_anew_and_a_note_says_why()
    {
        string[] cell = ["--cell", "ioi_gpt2"];
        Assert.Equal(0, Attribute([.. cell, "--method", "eap"]).Code);
        Anew("method eap, not eap-ig", cell);
        Anew("examples 5, not 3", [.. cell, "--examples", "3"]);
        Anew("mib split train, not test", [.. cell, "--examples", "3", "--split", "test"]);
        Anew("mib counterfactual s2_io_flip, not abc", [.. cell, "--examples", "3", "--split", "test", "--counterfactual", "abc"]);
        Changed(path => path.Replace("\"model_hash\": \"", "\"model_hash\": \"00"));
        Anew("model hash 00");
        Changed(path => System.Text.RegularExpressions.Regex.Replace(path, "\"version\": \"[^\"]*", "\"version\": \"0.0.1"));
        Anew("version 0.0.1, not ");
        File.WriteAllText(Scores("ioi_gpt2"), "{}");
        Anew("is no such result");

        string[] evaluate = ["mib", "evaluate", .. on, .. cell, "--scores", At("out"), "--out", At("results")];
        Assert.Equal(0, Run(evaluate).Code);
        Assert.Contains("ranked by score, not size: it is made anew", Run([.. evaluate, "--absolute"]).Error, StringComparison.Ordinal);
        Assert.Contains("done before", Run([.. evaluate, "--absolute"]).Output, StringComparison.Ordinal);
        Attribute([.. cell, "--steps", "2"]);
        Assert.Contains("scores hash ", Run([.. evaluate, "--absolute"]).Error, StringComparison.Ordinal);

        void Changed(Func<string, string> change) => File.WriteAllText(Scores("ioi_gpt2"), change(File.ReadAllText(Scores("ioi_gpt2")).Replace("\":\"", "\": \"", StringComparison.Ordinal)));

        void Anew(string what, params string[] more)
        {
            string[] args = more.Length > 0 ? more : [.. cell, "--examples", "3", "--split", "test", "--counterfactual", "abc"];
            var (code, output, error) = Attribute(args);
            Assert.Equal(0, code);
            Assert.Contains(what, error, StringComparison.Ordinal);
            Assert.Contains("it is made anew", error, StringComparison.Ordinal);
            Assert.Contains("edges scored", output, StringComparison.Ordinal);
            Assert.Contains("done before", Attribute(args).Output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_killed_run_is_gone_on_with()
    {
        string[] command = ["mib", "attribute", .. on, "--cell", Cells, "--steps", "20", "--out", At("out")];
        var whole = Run([.. command[..^1], At("whole")]);
        Assert.Equal((0, ""), (whole.Code, whole.Error));
        using (var process = Start(command))
        {
            while (!File.Exists(Scores("ioi_gpt2")) && !process.HasExited) Thread.Sleep(5);
            process.Kill();
            process.WaitForExit();
        }
        var made = Directory.GetFiles(At("out"), "*.json", SearchOption.AllDirectories).Length;
        Assert.InRange(made, 1, 3);
        var (code, output, error) = Run(command);
        Assert.Equal((0, ""), (code, error));
        Assert.Equal(made, output.Split("done before").Length - 1);
        foreach (var cell in Cells.Split(',')) Assert.Equal(Edges($"whole/{cell}/importances.json"), Edges($"out/{cell}/importances.json"));
        Assert.Equal(3, Directory.GetFiles(At("out"), "*", SearchOption.AllDirectories).Length);

        string Edges(string name) => Json(name)["edges"]!.ToJsonString();
    }

    [Fact]
    public void Nine_circuits_are_measured_like_the_scores_that_gave_them()
    {
        Attribute("--cell", "ioi_gpt2");
        Directory.CreateDirectory(At("nine"));
        var edges = Json("out/ioi_gpt2/importances.json")["edges"]!.AsObject().Count;
        foreach (var p in (double[])[.001, .002, .005, .01, .02, .05, .1, .2, .5])
            Done("circuit", "--scores", Scores("ioi_gpt2"), "--edges", $"{(int)(edges * p)}", "--signed", "--out", Path.Combine(At("nine"), $"of{p:0.000}.json"));
        string[] evaluate = ["mib", "evaluate", .. on, "--cell", "ioi_gpt2", "--json"];
        Assert.Equal(0, Run([.. evaluate, At("a.json"), "--scores", Scores("ioi_gpt2")]).Code);
        var (code, _, error) = Run([.. evaluate, At("b.json"), "--scores", At("nine")]);
        Assert.Equal((0, ""), (code, error));
        foreach (var ranking in (string[])["by_score", "by_size"]) Assert.Equal(Json("a.json")["by_score"]!.ToJsonString(), Json("b.json")[ranking]!.ToJsonString());

        // The smallest may be empty, and have scores as the others.
        File.Copy(Scores("ioi_gpt2"), Path.Combine(At("nine"), "of0.001.json"), overwrite: true);
        (code, _, error) = Run([.. evaluate, At("d.json"), "--scores", At("nine")]);
        Assert.Equal((0, ""), (code, error));
        Assert.Equal(0, (int)Json("d.json")["edges"]!.AsArray()[0]!);
        Directory.CreateDirectory(At("scores"));
        for (var i = 0; i < 9; i++) File.Copy(Scores("ioi_gpt2"), Path.Combine(At("scores"), $"{i}.json"));
        Refused("0.json: holds scores of which no circuit has been selected", [.. evaluate, At("c.json"), "--scores", At("scores")]);
        Refused("data: has no folder ioi_gpt2, and no file of scores", [.. evaluate, At("c.json"), "--scores", At("data")]);

        File.Copy(Path.Combine(At("nine"), "of0.500.json"), Path.Combine(At("nine"), "of0.001.json"), overwrite: true);
        Refused("its circuit number ", [.. evaluate, At("c.json"), "--scores", At("nine")]);
        File.Delete(Path.Combine(At("nine"), "of0.001.json"));
        Refused("holds 8 files of scores; give one, or the 9 circuits", [.. evaluate, At("c.json"), "--scores", At("nine")]);
    }

    [Fact]
    public void Where_results_go_is_said_once()
    {
        Attribute("--cell", "ioi_gpt2");
        string[] evaluate = ["mib", "evaluate", .. on, "--scores", At("out"), "--cell"];
        Refused("--json and --out both say", [.. evaluate, "ioi_gpt2", "--json", At("a.json"), "--out", At("r")]);
        Refused("--json takes the result of one cell", [.. evaluate, Cells, "--json", At("a.json")]);
        Refused("is the folder of --scores", [.. evaluate, "ioi_gpt2", "--out", At("out")]);
        Assert.Contains("importances.json: holds the scores of the cell ioi_gpt2, not of arc-easy_gemma2", Run(["mib", "evaluate", .. on, "--scores", Scores("ioi_gpt2"), "--cell", "arc-easy_gemma2"]).Error, StringComparison.Ordinal);
        Refused("--cell was given an empty name", [.. evaluate, "ioi_gpt2,"]);
    }

    private JsonNode Json(string name) => JsonNode.Parse(File.ReadAllText(At(name)))!;
}
