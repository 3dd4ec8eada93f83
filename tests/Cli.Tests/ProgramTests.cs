using Xunit;

namespace Faith.Cli.Tests;

public sealed class ProgramTests : CliTest
{
    public static TheoryData<string[]> Commands => new([[], ["demo"], ["accuracy"], ["bench"], ["plan"], ["devices"], ["pull"], ["attribute"], ["circuit"], ["evaluate"], ["curve"], ["draw"], ["stability"], ["compare"], ["check-circuit"], ["matrix"], ["methods"], ["generate"], ["tasks"], ["tasks", "list"], ["tasks", "show"], ["tasks", "export"], ["sweep"], ["sweep", "plan"], ["sweep", "run"], ["sweep", "status"], ["sweep", "slurm"], ["sweep", "merge"], ["report"]]);

    [Theory]
    [MemberData(nameof(Commands))]
    public void Every_command_has_help_with_examples(string[] command)
    {
        var output = Done([.. command, "--help"]);
        Assert.Contains("Usage:", output, StringComparison.Ordinal);
        Assert.Contains("Examples:", output, StringComparison.Ordinal);
        Assert.Contains($"  faith {string.Join(' ', command)}", output, StringComparison.Ordinal);
    }

    // What scripts rely on.
    [Theory]
    [InlineData("demo", "--task", "--all", "--out")]
    [InlineData("attribute", "--model", "--data", "--out", "--method", "--steps", "--rule", "--metric", "--ablation", "--ablation-data", "--level", "--examples", "--device", "--memory", "--threads")]
    [InlineData("circuit", "--scores", "--edges", "--select", "--signed", "--threshold", "--out")]
    [InlineData("evaluate", "--model", "--data", "--circuit", "--metric", "--ablation", "--json")]
    [InlineData("curve", "--model", "--data", "--scores", "--edges", "--select", "--out", "--plot", "--svg")]
    [InlineData("draw", "--out")]
    [InlineData("bench", "--shape", "--what", "--rows", "--method", "--steps", "--examples", "--tokens", "--first-difference", "--device", "--threads", "--json")]
    public void Every_documented_option_exists(string command, params string[] options)
    {
        var help = Done(command, "--help");
        Assert.All(options, option => Assert.Matches($@"(^|[\s,]){option}[\s,]", help));
    }

    [Fact]
    public void Without_a_command_there_is_help() => Assert.Contains("Commands:", Done(), StringComparison.Ordinal);

    [Fact]
    public void Version_is_one_line() => Assert.Matches(@"^\d+\.\d+\.\d+\S*\s*$", Done("--version"));

    [Fact]
    public void Unknown_words_are_refused_with_the_known_ones()
    {
        Refused("faith has no command attribut; it has ", "attribut");
        Refused("faith has no option --hepl; it has ", "--hepl");
        Refused("faith circuit has no option --score; it has --scores, --edges", "circuit", "--score", "x");
        Refused("faith circuit does not take the argument extra", "circuit", "--scores", "a", "--edges", "1", "--out", At("b"), "extra");
    }

    [Fact]
    public void Missing_options_and_values_are_refused()
    {
        Refused("--scores", "circuit", "--edges", "3", "--out", At("b"));
        Refused("--out", "circuit", "--edges", "3", "--scores", "a", "--out");
        Refused("--edges", "circuit", "--edges", "3", "--edges", "4", "--scores", "a", "--out", At("b"));
    }

    // Other options' checks ask for the name, too.
    [Fact]
    public void A_name_that_is_not_known_is_refused_whatever_else_is_given()
    {
        Refused("--what foo is not known; known: attribute, evaluate", "bench", "--shape", "gpt2", "--what", "foo");
        Refused("--what foo is not known", "bench", "--shape", "gpt2", "--what", "foo", "--rows", "3", "--svg", "a.svg");
        Refused("--method zero is not known; known: eap", "attribute", "--method", "zero", "--thresholds", "0.1");
        Refused("--method zero is not known", "attribute", "--method", "zero", "--top", "3");
        Refused("--level foo is not known", "attribute", "--method", "exact", "--top", "3", "--level", "foo");
        Refused("--top needs --method exact", "attribute", "--top", "3");
        Refused("--thresholds needs --method acdc", "attribute", "--thresholds", "0.1");
        Refused("--rows needs --what operations", "bench", "--shape", "gpt2", "--rows", "3");
    }

    [Fact]
    public void The_process_returns_the_codes()
    {
        var help = RunProcess("--help");
        Assert.Equal((0, ""), (help.Code, help.Error));
        var bad = RunProcess("circuit", "--scores", "missing.json", "--edges", "3", "--out", "c.json");
        Assert.Equal((2, "faith: missing.json: there is no such file", ""), (bad.Code, bad.Error.TrimEnd(), bad.Output));
        Assert.Empty(Directory.GetFileSystemEntries(Folder));
    }
}
