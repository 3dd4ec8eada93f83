using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Faith.Engine.Data;
using Faith.Engine.Experiments;
using Faith.Engine.Reports;
using Xunit;

namespace Faith.Cli.Tests;

/// <summary>Text of files, models and the command line cannot forge a line, move the cursor or hide, wherever it is written.</summary>
public sealed partial class UntrustedTextTests : CliTest
{
    private const string Evil = "evil\u001b]0;pwned\u0007\u001b[31m\nfaith: all is well\u001b[2J\u202e\u2028\u0085<script>alert(1)</script>";

    private const string Data = """{"clean": [1, 2, 3, 4], "corrupted": [1, 5, 3, 4], "answers": [6], "distractors": [7]}""";

    private string ScoresOfEvil()
    {
        var model = TinyModel.Write(At("model"));
        Done("attribute", "--model", model, "--data", Write("data.jsonl", Data), "--out", At("scores.json"), "--device", "cpu");
        Done("circuit", "--scores", At("scores.json"), "--edges", "20", "--out", At("circuit.json"));
        var file = JsonNode.Parse(File.ReadAllText(At("circuit.json")))!;
        (file["run"]!["model"], file["run"]!["model_hash"]) = (Evil, "00");
        return Write("evil.json", file.ToJsonString());
    }

    [Fact]
    public void A_model_name_of_a_score_file_forges_no_line()
    {
        var file = ScoresOfEvil();
        var (code, output, error) = Run("evaluate", "--model", At("model"), "--data", At("data.jsonl"), "--circuit", file, "--device", "cpu");
        Assert.Equal(0, code);
        Assert.Contains("evil\\u001b]0;pwned\\u0007\\u001b[31m\\nfaith: all is well", error, StringComparison.Ordinal);
        Assert.DoesNotContain(error.Split('\n'), line => line.StartsWith("faith: all", StringComparison.Ordinal));
        AssertPlain(output + error);
    }

    [Fact]
    public void A_picture_shows_hidden_characters()
    {
        var file = ScoresOfEvil();
        foreach (var kind in (string[])["svg", "html", "dot"])
        {
            AssertPlain(Done("draw", file, "--out", At($"c.{kind}")));
            var picture = File.ReadAllText(At($"c.{kind}"));
            AssertPlain(picture);
            if (kind != "dot") Assert.DoesNotContain("<script>alert", picture, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_file_name_and_an_argument_forge_no_line()
    {
        const string name = "a\nfaith: all is well\u001b[2J\u202e";
        foreach (var args in (string[][])
            [["compare", At(name), At(name)], ["draw", name, "--out", "x.svg"], [name], ["attribute", "--" + name], ["demo", "--task", name], ["evaluate", "--device", name], ["bench", "--shape", name],
            ["tasks", "show", name], ["attribute", "--method", name], ["attribute", "--edges", name], ["generate", "--model", name, "--prompt", "a"]])
        {
            var (code, output, error) = Run(args);
            Assert.Equal(FaithProgram.BadInput, code);
            Assert.Equal("", output);
            AssertPlain(error);
            Assert.Single(error.TrimEnd().Split('\n'));
        }
        Directory.CreateDirectory(At(name));
        var (model, data) = (TinyModel.Write(At(name)), Write($"{name}.jsonl", Data));
        AssertPlain(Done("accuracy", "--model", model, "--data", data, "--device", "cpu"));
    }

    [Fact]
    public void A_message_has_at_most_a_thousand_characters_and_keeps_both_ends()
    {
        var (_, _, error) = Run("compare", new string('x', 5000), "b.json");
        Assert.True(error.TrimEnd().Length <= 1000);
        Assert.StartsWith("faith: xxx", error, StringComparison.Ordinal);
        Assert.Contains("xxx … ", error, StringComparison.Ordinal);
        using var written = new StringWriter();
        var writer = new PlainWriter(written, longest: 1000);
        writer.WriteLine(new string('\u001b', 5000) + "remedy");
        writer.WriteLine(string.Concat(Enumerable.Repeat("🐈", 1000)));
        Assert.All(written.ToString().TrimEnd().Split('\n'), line => Assert.True(line.TrimEnd().Length <= 1000));
        Assert.Contains("remedy", written.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("\\ud", written.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Every_way_to_write_is_clean()
    {
        using var written = new StringWriter { NewLine = "\n" };
        var writer = new PlainWriter(written);
        writer.Write("a\n\u001b");
        writer.Write('\n');
        writer.Write(['\n', '\u001b']);
        writer.Write("{0}", "\n\u001b");
        writer.Write("\u001b\n".AsSpan());
        writer.Write((object)"\u001b\n");
        writer.WriteLine((object)"\u001b\n");
        writer.WriteLine("{0}{1}", "\u001b", '\n');
        writer.WriteLine("\u001b\n".ToCharArray());
        writer.WriteLine("\u001b\n".AsSpan());
        writer.WriteLine('\u001b');
        writer.WriteText("a\n\u001b\n");
        Assert.Equal(7, written.ToString().Count(c => c == '\n'));
        AssertPlain(written.ToString());
    }

    [Fact]
    public void Cells_of_tables_are_clean_drawn_or_not()
    {
        foreach (var terminal in (bool[])[false, true])
        {
            using var written = new StringWriter();
            var context = new CommandContext(written, written, terminal, false, CancellationToken.None);
            var table = new TextTable($"{Evil} [red]", ">n");
            table.Add(Evil, "1");
            table.Write(context);
            Assert.DoesNotContain("\u001b]0;pwned", written.ToString(), StringComparison.Ordinal);
            Assert.DoesNotContain("\u202e", written.ToString(), StringComparison.Ordinal);
            Assert.DoesNotContain(written.ToString().Split('\n'), line => line.StartsWith("faith:", StringComparison.Ordinal));
        }
    }

    [Theory]
    [InlineData("tasks-4l", "`tasks-4l`")]
    [InlineData("# a\n[b](http://c) <i>", "`# a\\n[b](http://c) <i>`")]
    [InlineData("a``b", "``` a``b ```")]
    [InlineData("`", "`` ` ``")]
    public void A_name_in_Markdown_is_a_code_span(string name, string span) => Assert.Equal(span, Markdown.Code(name));

    [Theory]
    [InlineData("greater-than", "greater-than")]
    [InlineData("a|b\n| c", "a\\|b\\\\n\\| c")]
    [InlineData("# <b>*a*</b> [x](y) `z` \u001b", "\\# \\<b\\>\\*a\\*\\</b\\> \\[x\\](y) \\`z\\` \\\\u001b")]
    [InlineData("- a", "\\- a")]
    [InlineData("  - a", "  \\- a")]
    [InlineData("1. a", "1\\. a")]
    [InlineData("1986) a", "1986\\) a")]
    [InlineData("0.5 of a. b", "0.5 of a. b")]
    public void Text_in_Markdown_is_no_markup(string text, string written) => Assert.Equal(written, Markdown.Text(text));

    [Fact]
    public void A_name_of_data_makes_no_cell_and_no_line_of_a_table()
    {
        var name = $"a|b\n| {Evil.Replace('/', ' ')}.jsonl";
        using var loaded = LoadedModel.Load(TinyModel.Write(At("model")));
        var data = PromptSet.Load(Write(name, Data), null, loaded.Config);
        var study = TaskStudy.Make(new(new() { Model = loaded.Name, Data = name }, loaded, data, null), new DeviceChoice("cpu", 1, null, _ => { }), null, CancellationToken.None);
        var text = StudyTables.Markdown(loaded.Name, [study]);
        AssertPlain(text);
        Assert.DoesNotContain("<script>", text, StringComparison.Ordinal);
        var rows = text.Split('\n').Where(line => line.StartsWith('|')).ToArray();
        // Two tables: heads, rules, a row of the task and one of each method.
        Assert.Equal(3 + 2 + 3, rows.Length);
        Assert.Equal(2, rows.Select(row => Border().Count(row)).Distinct().Count());
    }

    // A bar that no backslash escapes.
    [GeneratedRegex(@"(?<!\\)\|")]
    private static partial Regex Border();

    /// <summary>No character but line breaks and tabs that is a control, a direction, a separator or of no width.</summary>
    private static void AssertPlain(string text) => Assert.DoesNotMatch(Hidden(), text);

    [GeneratedRegex(@"[\p{Cf}\p{Zl}\p{Zp}\p{Cs}]|[\p{Cc}-[\n\r\t]]")]
    private static partial Regex Hidden();
}
