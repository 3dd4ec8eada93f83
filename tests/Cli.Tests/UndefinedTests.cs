using System.Text.Json;
using System.Text.RegularExpressions;
using Faith.Engine.Experiments;
using Faith.Engine.ScoreFiles;
using Xunit;

namespace Faith.Cli.Tests;

/// <summary>Where there is no ratio, or scores mean nothing, every command says so alike; nowhere NaN, infinity or −0.</summary>
public sealed partial class UndefinedTests : CliTest
{
    // Equal prompts; and the two sides of an example exchanged, so that clean lies below corrupted in one of the two.
    private const string Same = """
        {"clean": [1, 2, 3, 4], "corrupted": [1, 2, 3, 4], "answers": [6], "distractors": [7]}
        {"clean": [1, 2, 3, 4], "corrupted": [1, 2, 3, 4], "answers": [6], "distractors": [7]}
        """;

    private static string Pair(string answers, string distractors) => string.Concat(Enumerable.Repeat(
        $$"""{"clean": [1, 2, 3, 4], "corrupted": [1, 5, 3, 4], "{{answers}}": [6], "{{distractors}}": [7]}""" + "\n", 2));

    [Theory]
    [InlineData("same", "not defined: clean and corrupted do not differ")]
    [InlineData("below", "lies below corrupted")]
    public void Every_command_says_why_alike(string kind, string reason)
    {
        var model = TinyModel.Write(At("model"));
        var data = Write("d.jsonl", kind == "same" ? Same : Below(model));
        string[] run = ["--model", model, "--data", data, "--device", "cpu"];
        Done(["attribute", .. run, "--out", At("s.json")]);
        Done("circuit", "--scores", At("s.json"), "--edges", "20", "--select", "greedy", "--out", At("c.json"));
        string[] outputs =
        [
            Done(["evaluate", .. run, "--circuit", At("c.json"), "--json", At("e.json")]),
            Done(["curve", .. run, "--scores", At("s.json"), "--mib", "--out", At("curve.csv"), "--svg", At("curve.svg")]),
            Done(["curve", .. run, "--scores", At("s.json"), "--edges", "5,20", "--out", At("curve2.csv")]),
            Done(["stability", .. run, "--edges", "5,20", "--resamples", "20", "--json", At("st.json")]),
            Done(["check-circuit", .. run, "--circuit", At("c.json"), "--json", At("cc.json")]),
        ];
        Assert.Contains("of 2 of 2 examples, whose clean run is not better than the corrupted one by more than rounding errors", outputs[0], StringComparison.Ordinal);
        foreach (var output in outputs)
        {
            Assert.Contains(reason, output, StringComparison.Ordinal);
            Assert.Contains("faithfulness not defined: ", output, StringComparison.Ordinal);
            AssertNumbers(output);
        }
        foreach (var name in (string[])["e.json", "cc.json"]) Assert.Equal(JsonValueKind.Null, JsonDocument.Parse(File.ReadAllText(At(name))).RootElement.GetProperty("faithfulness").ValueKind);
        Assert.All(File.ReadAllLines(At("curve2.csv")).Skip(1), line => Assert.EndsWith(",", line, StringComparison.Ordinal));
        foreach (var name in (string[])["e.json", "st.json", "cc.json", "s.json", "curve.csv", "curve.svg"]) AssertNumbers(File.ReadAllText(At(name)));
    }

    [Fact]
    public void Scores_of_zero_ablation_on_RMSNorm_are_doubted_wherever_they_are_used()
    {
        var model = TinyModel.WriteLlama(At("model"));
        var data = Write("d.jsonl", Pair("answers", "distractors"));
        string[] run = ["--model", model, "--data", data, "--device", "cpu", "--ablation", "zero"];
        Assert.Contains("the scores mean nothing", Run(["attribute", .. run, "--out", At("s.json")]).Error, StringComparison.Ordinal);
        Assert.Contains("RMSNorm", Run(["attribute", .. run, "--method", "clean-corrupted", "--out", At("x.json")]).Error, StringComparison.Ordinal);
        Assert.Contains("RMSNorm", Run(["stability", .. run, "--edges", "5"]).Error, StringComparison.Ordinal);
        Assert.Empty(Run(["attribute", .. run, "--method", "eap", "--out", At("x.json")]).Error);

        // What only reads the scores goes by their record.
        var file = Regex.Replace(File.ReadAllText(At("s.json")), "\"completeness_gap\":[^,]*", "\"completeness_gap\": 2e10");
        File.WriteAllText(At("s.json"), file);
        string[][] readers =
        [
            ["circuit", "--scores", At("s.json"), "--edges", "20", "--out", At("c.json")], ["compare", At("s.json"), At("s.json")], ["curve", .. run, "--scores", At("s.json"), "--edges", "5", "--out", At("c.csv")],
            ["evaluate", .. run, "--circuit", At("c.json")], ["check-circuit", .. run, "--circuit", At("c.json"), "--sets", "0"], ["draw", At("c.json"), "--out", At("c.svg")],
        ];
        foreach (var reader in readers)
        {
            var (code, _, error) = Run(reader);
            Assert.Equal(0, code);
            Assert.Contains("the scores mean nothing", error, StringComparison.Ordinal);
            Assert.Contains("RMSNorm", error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_gap_of_up_to_a_hundred_percent_is_no_doubt()
    {
        var run = new RunRecord { Steps = 5, CompletenessGap = 1, Ablation = "patching" };
        Assert.Null(ScoreDoubt.Of(run));
        Assert.Contains("(completeness gap 101%): more steps", ScoreDoubt.Of(run with { CompletenessGap = 1.01 }), StringComparison.Ordinal);
        Assert.Null(ScoreDoubt.Of(run with { CompletenessGap = 5, Steps = null }));
        Assert.Null(ScoreDoubt.Of(null));
    }

    /// <summary>Examples whose clean prompt scores lower than the corrupted one.</summary>
    private string Below(string model)
    {
        foreach (var data in (string[])[Pair("answers", "distractors"), Pair("distractors", "answers")])
        {
            Done("attribute", "--model", model, "--data", Write("try.jsonl", data), "--device", "cpu", "--out", At("try.json"), "--json", At("try.metric.json"));
            var metric = JsonDocument.Parse(File.ReadAllText(At("try.metric.json"))).RootElement;
            if (metric.GetProperty("clean").GetProperty("mean").GetDouble() < metric.GetProperty("corrupted").GetProperty("mean").GetDouble()) return data;
        }
        throw new InvalidOperationException("one of the two must be lower");
    }

    private static void AssertNumbers(string text) => Assert.DoesNotMatch(NoNumber(), text);

    // NaN, ∞, and a minus before a number that is all zeros.
    [GeneratedRegex(@"\bNaN\b|Infinity|∞|(?<![\w.])[-−]0(\.0*)?%?(?![\d.])")]
    private static partial Regex NoNumber();
}
