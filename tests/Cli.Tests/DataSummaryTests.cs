using Xunit;

namespace Faith.Cli.Tests;

/// <summary>What runs say of their data, and what data may leave out.</summary>
public sealed class DataSummaryTests : CliTest
{
    private const string Everything = """{"clean": [1, 2, 3, 4], "corrupted": [1, 5, 3, 4], "answers": [6], "distractors": [7]}""";

    private readonly string model;

    public DataSummaryTests() => model = TinyModel.Write(At("model"));

    [Fact]
    public void Every_run_that_reads_data_shows_the_first_example_and_the_accuracy()
    {
        Done("attribute", "--model", "tasks-4l", "--data", "ioi", "--examples", "5", "--out", At("s.json"));
        Done("circuit", "--scores", At("s.json"), "--edges", "100", "--out", At("c.json"));
        string[] on = ["--model", "tasks-4l", "--data", "ioi", "--examples", "5"];
        string[][] commands = [["attribute", .. on, "--out", At("t.json")], ["evaluate", .. on, "--circuit", At("c.json")], ["curve", .. on, "--scores", At("s.json"), "--edges", "100", "--out", At("c.csv")],
            ["stability", .. on, "--edges", "30", "--random", "0", "--shuffles", "0"], ["check-circuit", .. on, "--circuit", At("c.json"), "--sets", "0"]];
        foreach (var command in commands)
        {
            var output = Done(command);
            Assert.Contains("first example: ", output, StringComparison.Ordinal);
            Assert.Contains("; corrupted: ", output, StringComparison.Ordinal);
            Assert.Contains("accuracy: the answers lie above the distractors in 100% of 5 examples", output, StringComparison.Ordinal);
            Assert.DoesNotContain("warning", output, StringComparison.Ordinal);
        }
        Assert.Contains("accuracy: an answer is likelier than every distractor in 100% of 5 examples", Done(["attribute", .. on, "--metric", "kl", "--out", At("t.json")]), StringComparison.Ordinal);
        Assert.Contains("first example: ", Done(["accuracy", .. on]), StringComparison.Ordinal);
        var measured = Done("methods", "--measure", "--examples", "2", "--rounds", "1");
        Assert.Contains("first example: ", measured, StringComparison.Ordinal);
        Assert.Contains("accuracy: an answer is likelier than every distractor in 100% of 2 examples", measured, StringComparison.Ordinal);
        Assert.Contains("- ioi: 100%; ", Done("matrix", "--model", "tasks-4l", "--tasks", "ioi", "--examples", "5"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_plan_shows_the_first_example_and_does_not_run_the_model()
    {
        var planned = Done("plan", "--model", "tasks-4l", "--data", "ioi", "--examples", "5", "--device", "cpu");
        var run = Done("attribute", "--model", "tasks-4l", "--data", "ioi", "--examples", "5", "--out", At("s.json"));
        Assert.Equal(FirstExample(run), FirstExample(planned));
        Assert.DoesNotContain("accuracy", planned, StringComparison.Ordinal);
        Assert.DoesNotContain("first example", Done("plan", "--model", "tasks-4l", "--examples", "5", "--device", "cpu"), StringComparison.Ordinal);

        static string FirstExample(string output) => Assert.Single(output.Split('\n'), line => line.StartsWith("first example: ", StringComparison.Ordinal));
    }

    [Fact]
    public void A_task_that_the_model_does_not_do_is_warned_of()
    {
        // As answers the tokens that the model ranks last: it prefers every distractor.
        var prompts = Write("d.jsonl", Everything);
        var output = Done("attribute", "--model", model, "--data", prompts, "--out", At("s.json"));
        var swapped = Write("e.jsonl", Everything.Replace("[6]", "[9]", StringComparison.Ordinal).Replace("[7]", "[6]", StringComparison.Ordinal).Replace("[9]", "[7]", StringComparison.Ordinal));
        var other = Done("attribute", "--model", model, "--data", swapped, "--out", At("t.json"));
        Assert.Single((string[])[output, other], o => o.Contains("warning: the model mostly prefers the distractors", StringComparison.Ordinal));
    }

    [Fact]
    public void Data_may_leave_out_what_a_run_does_not_need()
    {
        var (alone, longer) = (Write("alone.jsonl", """{"clean": [1, 2, 3, 4]}"""), Write("longer.jsonl", """{"clean": [1, 2, 3, 4], "corrupted": [1, 5], "answers": [6], "distractors": [7]}"""));
        Refused("\"corrupted\" is missing, which --ablation patching needs", "attribute", "--model", model, "--data", alone, "--metric", "kl", "--out", At("s.json"));
        Refused("\"answers\" is missing, which --metric logit-diff needs", "attribute", "--model", model, "--data", alone, "--ablation", "zero", "--out", At("s.json"));
        Assert.Contains("accuracy: not defined: no answers", Done("attribute", "--model", model, "--data", alone, "--metric", "kl", "--ablation", "zero", "--out", At("s.json")), StringComparison.Ordinal);
        Refused("both must have the same number", "attribute", "--model", model, "--data", longer, "--out", At("t.json"));
        foreach (var ablation in (string[])["zero", "mean", "mean-positional"])
        {
            // The corrupted prompt has no part in it: the scores are those of data that hold one.
            Done("attribute", "--model", model, "--data", longer, "--ablation", ablation, "--out", At("longer.json"));
            Done("attribute", "--model", model, "--data", Write("d.jsonl", Everything), "--ablation", ablation, "--out", At("whole.json"));
            Assert.Equal(Lines("whole.json"), Lines("longer.json"));
        }
        Assert.DoesNotContain("corrupted", Done("accuracy", "--model", model, "--data", longer), StringComparison.Ordinal);
    }

    [Fact]
    public void The_log_probability_needs_no_distractors()
    {
        var alone = Write("alone.jsonl", """{"clean": [1, 2, 3, 4], "corrupted": [1, 5, 3, 4], "answers": [6]}""");
        Refused("\"distractors\" is missing, which --metric logit-diff needs", "attribute", "--model", model, "--data", alone, "--out", At("s.json"));
        var output = Done("attribute", "--model", model, "--data", alone, "--metric", "logprob", "--out", At("s.json"));
        Assert.Contains("accuracy: an answer is the likeliest token of all in ", output, StringComparison.Ordinal);
        Done("circuit", "--scores", At("s.json"), "--edges", "10", "--out", At("c.json"));
        foreach (var command in (string[][])[["evaluate", "--circuit", At("c.json")], ["curve", "--scores", At("s.json"), "--out", At("c.csv")], ["check-circuit", "--circuit", At("c.json"), "--sets", "2"]])
            Assert.Contains("first example: ids 1 2 3 4 → 6; corrupted", Done([.. command, "--model", model, "--data", alone, "--metric", "logprob"]), StringComparison.Ordinal);
        foreach (var method in (string[])["eap", "exact", "clean-corrupted", "eap-ig-activations", "relp", "acdc"])
            Done("attribute", "--model", model, "--data", alone, "--metric", "logprob", "--method", method, "--out", At("m.json"));
    }

    [Fact]
    public void Answers_of_several_tokens_stand_by_their_first_with_a_note()
    {
        var prompts = Write("d.jsonl", """{"clean": "When Ida and Leo went to the lake, Leo gave a map to", "corrupted": "When Ida and Leo went to the lake, Ida gave a map to", "answers": [" Ida and more"], "distractors": [" Leo and more"]}""");
        Refused("--answer-tokens first", "accuracy", "--model", "tasks-4l", "--data", prompts);
        var (code, output, error) = Run("attribute", "--model", "tasks-4l", "--data", prompts, "--answer-tokens", "first", "--out", At("s.json"));
        Assert.Equal(0, code);
        Assert.Contains("2 words among the answers and distractors have several tokens and stand by their first", error, StringComparison.Ordinal);
        Assert.Contains("→ \" Ida\", not \" Leo\"", output, StringComparison.Ordinal);
        Assert.Contains("answer_tokens", File.ReadAllText(At("s.json")), StringComparison.Ordinal);
    }

    [Fact]
    public void Scores_are_no_circuit_until_one_is_selected()
    {
        var prompts = Write("d.jsonl", Everything);
        Done("attribute", "--model", model, "--data", prompts, "--out", At("s.json"));
        Refused($"faith circuit --scores {At("s.json")} --edges N --out circuit.json selects one", "evaluate", "--model", model, "--data", prompts, "--circuit", At("s.json"));
        Refused("no circuit has been selected", "draw", At("s.json"), "--out", At("s.svg"));
        Done("circuit", "--scores", At("s.json"), "--edges", "0", "--out", At("empty.json"));
        Done("evaluate", "--model", model, "--data", prompts, "--circuit", At("empty.json"));
    }

    [Fact]
    public void A_folder_is_no_data_set()
    {
        // A name without an extension was taken for a task's.
        Directory.CreateDirectory(At("prompts"));
        Refused("prompts: this is a directory", "attribute", "--model", model, "--data", At("prompts"), "--out", At("s.json"));
        var working = Directory.GetCurrentDirectory();
        var relative = Directory.CreateDirectory(Path.Combine(working, $"prompts-{Environment.ProcessId}"));
        try
        {
            Refused($"{relative.Name}: this is a directory", "attribute", "--model", model, "--data", relative.Name, "--out", At("s.json"));
        }
        finally
        {
            relative.Delete();
        }
    }

    private string[] Lines(string name) => [.. File.ReadLines(At(name)).Where(line => line.Contains("->", StringComparison.Ordinal))];
}
