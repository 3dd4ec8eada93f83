using System.Text.Json.Nodes;
using Xunit;

namespace Faith.Cli.Tests;

/// <summary>`faith logits` and `faith tokens`, and the begin token of every command.</summary>
public sealed class PromptCommandTests : CliTest
{
    private const string Prompt = "When Ida and Leo went to the lake, Leo gave a map to";

    [Fact]
    public void Logits_of_ids_are_written_for_a_model_without_a_tokenizer()
    {
        var model = TinyModel.Write(At("model"));
        var data = Write("d.jsonl", """
            {"clean": [1, 2, 3, 4], "corrupted": [1, 5], "answers": [6], "distractors": [7]}
            {"clean": [2, 3]}
            """);
        var output = Done("logits", "--model", model, "--data", data, "--top", "3", "--json", At("l.json"));
        Assert.Contains("first example: ids 1 2 3 4", output, StringComparison.Ordinal);
        Assert.Contains("accuracy: not defined: no answers", output, StringComparison.Ordinal);
        Assert.Contains("these are of the first of 2 examples", output, StringComparison.Ordinal);
        var json = JsonNode.Parse(File.ReadAllText(At("l.json")))!;
        Assert.Equal(16, (int)json["vocabulary"]!);
        var examples = json["examples"]!.AsArray();
        Assert.Equal(2, examples.Count);
        Assert.Equal([1, 2, 3, 4], Ids(examples[0]!["clean"]!));
        Assert.Equal([1, 5], Ids(examples[0]!["corrupted"]!));
        Assert.Equal(["clean"], examples[1]!.AsObject().Select(member => member.Key));
        foreach (var prompt in examples.SelectMany(example => example!.AsObject()).Select(member => member.Value!))
        {
            // Alone each prompt gives the same bits.
            Done("logits", "--model", model, "--data", Write("one.jsonl", $$"""{"clean": {{prompt["tokens"]!.ToJsonString()}}}"""), "--json", At("one.json"));
            var alone = JsonNode.Parse(File.ReadAllText(At("one.json")))!["examples"]![0]!["clean"]!;
            Assert.Equal(16, prompt["logits"]!.AsArray().Count);
            Assert.Equal(alone["logits"]!.ToJsonString(), prompt["logits"]!.ToJsonString());
        }
        // The order of the table is that of the logits.
        var logits = examples[0]!["clean"]!["logits"]!.AsArray().Select(value => (float)value!).ToArray();
        var best = Array.IndexOf(logits, logits.Max());
        Assert.Contains($"1  {best,2}", output, StringComparison.Ordinal);

        static int[] Ids(JsonNode prompt) => [.. prompt["tokens"]!.AsArray().Select(id => (int)id!)];
    }

    [Fact]
    public void Logits_after_a_prompt_are_those_that_generation_follows()
    {
        var output = Done("logits", "--model", "tasks-4l", "--prompt", Prompt, "--json", At("l.json"));
        Assert.Contains("\" Ida\"", output.Split('\n')[1], StringComparison.Ordinal);
        var example = Assert.Single(JsonNode.Parse(File.ReadAllText(At("l.json")))!["examples"]!.AsArray())!;
        Assert.Equal(["clean"], example.AsObject().Select(member => member.Key));
    }

    [Fact]
    public void Examples_bound_what_is_written()
    {
        Done("logits", "--model", "tasks-4l", "--data", "ioi", "--examples", "3", "--json", At("l.json"));
        Assert.Equal(3, JsonNode.Parse(File.ReadAllText(At("l.json")))!["examples"]!.AsArray().Count);
    }

    [Fact]
    public void Tokens_tell_the_begin_token_apart()
    {
        Assert.Contains("(begin token)", Done("tokens", "--model", "tasks-4l", "--prompt", Prompt).Split('\n')[2], StringComparison.Ordinal);
        Assert.DoesNotContain("(begin token)", Done("tokens", "--model", "tasks-4l", "--prompt", Prompt, "--no-bos"), StringComparison.Ordinal);
        var data = Done("tokens", "--model", "tasks-4l", "--data", "ioi", "--examples", "2");
        foreach (var part in (string[])["example 1, clean: ", "example 1, corrupted: ", "example 2, clean: ", "answers: ", "distractors: "]) Assert.Contains(part, data, StringComparison.Ordinal);
        var model = TinyModel.Write(At("model"));
        Assert.Contains("4 tokens", Done("tokens", "--model", model, "--data", Write("d.jsonl", """{"clean": [1, 2, 3, 4]}""")), StringComparison.Ordinal);
    }

    [Fact]
    public void The_begin_token_is_what_the_options_say_in_every_command()
    {
        string[] on = ["--model", "tasks-4l", "--data", "ioi", "--examples", "2"];
        var with = Done(["attribute", .. on, "--out", At("a.json")]);
        Assert.Equal(Scores("a.json"), Scores(Attribute("b.json", "--bos")));
        Assert.NotEqual(Scores("a.json"), Scores(Attribute("c.json", "--no-bos")));
        Assert.Contains("\"bos\": \"false\"", File.ReadAllText(At("c.json")).Replace("\":\"", "\": \"", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.NotEqual(with, Done(["accuracy", .. on, "--no-bos"]));
        Refused("give --bos or --no-bos, not both", ["attribute", .. on, "--bos", "--no-bos", "--out", At("d.json")]);

        string Attribute(string name, string option)
        {
            Done(["attribute", .. on, option, "--out", At(name)]);
            return name;
        }

        string[] Scores(string name) => [.. File.ReadLines(At(name)).Where(line => line.Contains("->", StringComparison.Ordinal))];
    }

    [Fact]
    public void Columns_of_a_table_become_prompts_and_are_recorded()
    {
        var model = TinyModel.Write(At("model"));
        var named = Write("n.jsonl", """{"a": {"b": [1, 2, 3, 4]}, "c": [1, 5, 3, 4], "right": 6, "wrong": [7]}""");
        var own = Write("o.json", """[{"clean": [1, 2, 3, 4], "corrupted": [1, 5, 3, 4], "answers": [6], "distractors": [7]}]""");
        Done("attribute", "--model", model, "--data", named, "--columns", "clean=a.b,corrupted=c,answers=right,distractors=wrong", "--out", At("n.json"));
        Done("attribute", "--model", model, "--data", own, "--out", At("o2.json"));
        Assert.Equal(File.ReadLines(At("o2.json")).Where(line => line.Contains("->", StringComparison.Ordinal)), File.ReadLines(At("n.json")).Where(line => line.Contains("->", StringComparison.Ordinal)));
        Assert.Contains("clean=a.b,corrupted=c,answers=right,distractors=wrong", File.ReadAllText(At("n.json")), StringComparison.Ordinal);
        Refused("--columns must be pairs", "accuracy", "--model", model, "--data", named, "--columns", "prompt");
        Refused("line 1: \"d\" is missing; the row has a, c, right, wrong", "accuracy", "--model", model, "--data", named, "--columns", "clean=d");
    }

    [Fact]
    public void What_does_not_do_is_refused()
    {
        var model = TinyModel.Write(At("model"));
        Refused("give either --prompt TEXT or --data D", "logits", "--model", model);
        Refused("give either --prompt TEXT or --data D", "tokens", "--model", "tasks-4l", "--data", "ioi", "--prompt", "a");
        Refused("--examples needs --data", "logits", "--model", "tasks-4l", "--prompt", "a", "--examples", "3");
        Refused("the model has no tokenizer", "logits", "--model", model, "--prompt", "a");
        Refused("is outside the vocabulary", "logits", "--model", model, "--data", Write("d.jsonl", """{"clean": [1, 99]}"""), "--json", At("l.json"));
        Refused("the logits are not finite", "logits", "--model", TinyModel.Write(At("large"), scale: 1e20f), "--data", Write("e.jsonl", """{"clean": [1, 2]}"""), "--json", At("l.json"));
    }
}
