using Faith.Engine.Experiments;
using Xunit;

namespace Faith.Cli.Tests;

/// <summary>A narrow terminal, misspelt names and help.</summary>
public sealed class TerminalTests : CliTest
{
    private static Outcome On(int? width, params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        return new(FaithProgram.Run(args, new CommandContext(output, error, width is not null, false, CancellationToken.None) { Width = width, Gpus = WithoutCuda }), output.ToString(), error.ToString());
    }

    [Theory]
    [InlineData(40)]
    [InlineData(60)]
    [InlineData(80)]
    public void Help_and_tables_fit(int width)
    {
        foreach (var args in (string[][])[["--help"], ["curve", "--help"], ["help", "attribute"], ["methods"], ["tasks", "list"], ["devices"], ["plan", "--shape", "gpt2", "--device", "cpu,24"]])
        {
            var (code, output, _) = On(width, args);
            Assert.Equal(0, code);
            // What stands around the table of plan is prose, which the terminal breaks.
            Assert.All(output.Split('\n').Where(line => args[0] != "plan" || !line.Contains("examples of", StringComparison.Ordinal) && !line.StartsWith("floor", StringComparison.Ordinal)),
                line => Assert.True(line.TrimEnd().Length <= width, $"{line.Length}: {line}"));
        }
    }

    [Theory]
    [InlineData(10)]
    [InlineData(40)]
    [InlineData(60)]
    [InlineData(200)]
    public void A_table_loses_no_word_at_any_width(int width)
    {
        using var output = new StringWriter();
        var context = new CommandContext(output, output, true, false, CancellationToken.None) { Width = width };
        var table = new TextTable("name", ">first number", ">second", "text of several words");
        table.Add("eap-ig-activations", "0.123456", "-1234.5", "gradients averaged over paths");
        table.Write(context);
        foreach (var word in "eap-ig-activations 0.123456 -1234.5 gradients averaged over paths".Split(' ')) Assert.Contains(word, output.ToString(), StringComparison.Ordinal);
        if (width >= 40) Assert.All(output.ToString().Split('\n'), line => Assert.True(line.TrimEnd().Length <= width));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public async Task A_terminal_of_a_few_columns_ends_no_command_and_stops_none(int width)
    {
        foreach (var args in (string[][])[["--help"], ["attribute", "--help"], ["tasks", "list"]])
            Assert.Equal(On(CommandContext.LeastWidth, args), await Task.Run(() => On(width, args)).WaitAsync(TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public void A_file_or_pipe_has_lines_of_any_length() => Assert.Contains(On(null, "methods").Output.Split('\n'), line => line.Length > 100);

    [Fact]
    public void Examples_of_help_go_on_in_the_next_line_as_a_shell_takes_them()
    {
        var output = On(60, "curve", "--help").Output.ReplaceLineEndings("\n");
        Assert.Contains("faith curve --model tasks-4l --data ioi --scores scores.json --mib --out curve.csv", output.Replace(" \\\n    ", " ", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Contains(" \\\n    ", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, true)]
    [InlineData(60, true)]
    [InlineData(40, true)]
    [InlineData(20, false)]
    public void A_chart_fits_or_is_left_out(int? width, bool isDrawn)
    {
        using var output = new StringWriter();
        FaithfulnessChart.Write(output, width, [10, 1000], ('o', new SizeSweep("EAP-IG", [Point(0.2), Point(5)])));
        Assert.Equal(isDrawn, output.ToString().Length > 0);
        Assert.All(output.ToString().Split('\n'), line => Assert.True(line.TrimEnd().Length <= (width ?? 80)));

        static SweepPoint Point(double kept) => new([Engine.Graphs.Circuit.Full(new Engine.Graphs.ModelGraph(1, 1))], [new([kept], [1], [0])]);
    }

    [Theory]
    [InlineData("did you mean attribute?", "attribut")]
    [InlineData("did you mean --scores?", "circuit", "--score", "x")]
    [InlineData("did you mean eap-ig?", "attribute", "--method", "eapig")]
    [InlineData("did you mean logit-diff?", "attribute", "--metric", "logitdiff")]
    [InlineData("did you mean mean-positional?", "attribute", "--ablation", "mean-postional")]
    [InlineData("did you mean gauss-legendre?", "attribute", "--rule", "gauss")]
    [InlineData("did you mean neuron?", "attribute", "--level", "neurons")]
    [InlineData("did you mean paper?", "attribute", "--compat", "papr")]
    [InlineData("did you mean greedy?", "circuit", "--scores", "x", "--edges", "5", "--select", "gredy")]
    [InlineData("did you mean sva?", "tasks", "show", "svaa")]
    [InlineData("did you mean greater-than?", "demo", "--task", "greaterthan")]
    [InlineData("did you mean greater-than?", "accuracy", "--model", "tasks-4l", "--data", "greaterthan")]
    [InlineData("did you mean tasks-4l?", "accuracy", "--model", "task-4l", "--data", "ioi")]
    [InlineData("did you mean gpt2-xl?", "plan", "--shape", "gpt2xl")]
    [InlineData("did you mean cuda?", "accuracy", "--model", "tasks-4l", "--data", "ioi", "--device", "cudda")]
    [InlineData("did you mean opencl?", "accuracy", "--model", "tasks-4l", "--data", "ioi", "--device", "opncl")]
    [InlineData("did you mean show?", "tasks", "shwo")]
    [InlineData("did you mean curve?", "help", "curv")]
    public void A_misspelt_name_is_answered_with_the_nearest(string suggestion, params string[] args) => Refused(suggestion, args);

    [Fact]
    public void Names_may_be_written_in_any_case()
    {
        var model = TinyModel.Write(At("model"));
        var data = Write("d.jsonl", """{"clean": [1, 2, 3, 4], "corrupted": [1, 5, 3, 4], "answers": [6], "distractors": [7]}""");
        Done("Attribute", "--Model", model, "--DATA", data, "--method", "EAP-IG", "--Rule", "Midpoint", "--metric", "Logit-Diff", "--ablation", "Patching", "--level", "Node", "--device", "CPU", $"--OUT={At("s.json")}");
        Done("CIRCUIT", "--scores", At("s.json"), "--nodes", "2", "--level", "NODE", "--out", At("c.json"));
        Assert.Equal(Done("tasks", "show", "ioi"), Done("Tasks", "SHOW", "IOI"));
        Done("accuracy", "--model", "Tasks-4L", "--data", "SVA", "--examples", "2");
        // A value is left as it stands.
        Refused("'--MODEL' is neither a directory", "generate", "--model", "--MODEL", "--prompt", "a");
    }

    [Fact]
    public void Help_can_be_asked_for_by_a_command()
    {
        Assert.Equal(Done("--help"), Done("help"));
        Assert.Equal(Done("--help"), Done());
        Assert.Equal(Done("attribute", "--help"), Done("help", "attribute"));
        Assert.Equal(Done("tasks", "show", "--help"), Done("HELP", "tasks", "Show"));
        Refused("faith attribute has no command x", "help", "attribute", "x");
    }
}
