using System.Diagnostics;
using Xunit;

namespace Faith.Cli.Tests;

/// <summary>What commands do to the files they are told to write.</summary>
public sealed class OutputTests : CliTest
{
    private const string Data = """{"clean": [1, 2, 3, 4], "corrupted": [1, 5, 3, 4], "answers": [6], "distractors": [7]}""";

    private readonly string model, data;

    public OutputTests()
    {
        model = TinyModel.Write(At("model"));
        data = Write("data.jsonl", Data);
    }

    private string[] Attribute(params string[] more) => ["attribute", "--model", model, "--data", data, "--threads", "1", .. more];

    [Fact]
    public void An_output_that_is_an_input_is_refused_before_any_work()
    {
        Done(Attribute("--out", At("s.json")));
        File.CreateSymbolicLink(At("soft.json"), At("s.json"));
        File.CreateSymbolicLink(At("soft.pdf"), At("s.json"));
        File.CreateSymbolicLink(At("folder"), Folder);
        Refused("is the same file as --data", Attribute("--out", data));
        Refused("is the same file as --data", Attribute("--out", At("folder/data.jsonl")));
        Refused("is the same file as --data", Attribute("--out", At("t.json"), "--json", At("model/../data.jsonl")));
        Refused("is the same file as --ablation-data", Attribute("--out", At("s.json"), "--ablation", "mean", "--ablation-data", At("soft.json")));
        Refused("is the same file as --scores", "circuit", "--scores", At("s.json"), "--edges", "3", "--out", At("soft.json"));
        Refused("is the same file as --scores", "curve", "--model", model, "--data", data, "--scores", At("s.json"), "--out", At("c.csv"), "--plot", At("soft.pdf"));
        Refused("is the same file as --circuit", "evaluate", "--model", model, "--data", data, "--circuit", At("soft.json"), "--json", At("folder/s.json"));
        Refused("is the same file as", "compare", At("s.json"), "--known", At("s.json"), "--json", At("s.json"));
        Refused("is the same file as", "draw", At("s.json"), "--out", At("s.json"));
        Refused("lies in the directory of the model", Attribute("--out", At("model/s.json")));
        Refused("lies in the directory of the model", Attribute("--out", At("folder/model/s.json")));
        File.CreateSymbolicLink(At("weights"), At("model/model.safetensors"));
        Refused("model", Attribute("--out", At("weights")));
        Refused("lies in the directory of the model", "demo", "--model", model, "--out", At("model/demo"));
    }

    [Fact]
    public void A_folder_for_kernels_is_checked_as_any_other()
    {
        Refused("data.jsonl: is a file; give the name of a folder", "devices", "--dump-ptx", data);
        Refused("data.jsonl is a file, not a folder", "devices", "--dump-ptx", Path.Combine(data, "ptx"));
        Refused("--dump-ptx was given an empty name", "devices", "--dump-ptx", "");
        Refused("--dump-ptx uses no device; leave out --warm", "devices", "--dump-ptx", At("ptx"), "--warm");
        Refused("--dump-ptx uses no device; leave out --measure", "devices", "--dump-ptx", At("ptx"), "--measure");
    }

    [Fact]
    public void Kernels_are_written_all_or_none()
    {
        Assert.Equal(0, RunProcess("devices", "--dump-ptx", "ptx").Code);
        var names = Directory.GetFiles(At("ptx")).Order(StringComparer.Ordinal).ToArray();
        Assert.NotEmpty(names);
        // A folder has the name of one of them, as the last.
        File.WriteAllText(names[0], "before");
        File.Delete(names[^1]);
        Directory.CreateDirectory(names[^1]);
        var (code, _, error) = RunProcess("devices", "--dump-ptx", "ptx");
        Assert.Equal(FaithProgram.BadInput, code);
        Assert.Contains($"{Path.GetFileName(names[^1])}: is a folder; give the name of a file", error, StringComparison.Ordinal);
        Assert.Equal("before", File.ReadAllText(names[0]));
        Assert.Equal(names.Length - 1, Directory.GetFiles(At("ptx")).Length);
    }

    [Fact]
    public void Hard_links_are_the_same_file()
    {
        Done(Attribute("--out", At("s.json")));
        using (var link = Process.Start("ln", [At("s.json"), At("hard.json")])) link.WaitForExit();
        Refused("is the same file as --scores", "circuit", "--scores", At("s.json"), "--edges", "3", "--out", At("hard.json"));
        Refused("two outputs would go to this one file", Attribute("--out", At("s.json"), "--json", At("hard.json")));
    }

    [Fact]
    public void Two_outputs_that_are_one_file_are_refused()
    {
        Directory.CreateDirectory(At("real"));
        File.CreateSymbolicLink(At("alias"), At("real"));
        Refused("two outputs would go to this one file", Attribute("--out", At("a.json"), "--json", At("./a.json")));
        Refused("two outputs would go to this one file", Attribute("--out", At("real/a.json"), "--json", At("alias/a.json")));
        File.CreateSymbolicLink(At("dangling"), At("nothing"));
        Refused("is a link to a file that is not there", Attribute("--out", At("dangling")));
    }

    [Theory]
    [InlineData("--out")]
    [InlineData("--json")]
    [InlineData("--data")]
    [InlineData("--model")]
    public void An_empty_name_is_a_bad_argument(string option)
    {
        string[] given = ["--model", "x", "--data", "y", "--out", "z", "--json", "w"];
        given[Array.IndexOf(given, option) + 1] = "";
        Refused($"{option} was given an empty name", ["attribute", .. given]);
        Refused("circuit was given an empty name", "draw", "", "--out", At("x.svg"));
    }

    [Fact]
    public void A_pipe_is_written_through_and_a_log_is_appended_to()
    {
        Shell($"mkfifo {At("pipe")}; cat {At("pipe")} > {At("received")} & {Faith} {string.Join(' ', Attribute("--out", At("pipe")))} > {At("said")}; wait");
        Assert.StartsWith("{\"cfg\"", File.ReadAllText(At("received")), StringComparison.Ordinal);
        Assert.EndsWith("}\n", File.ReadAllText(At("received")), StringComparison.Ordinal);

        Write("log", "before\n");
        Shell($"{Faith} {string.Join(' ', Attribute("--out", "/dev/stdout"))} >> {At("log")}");
        var log = File.ReadAllText(At("log"));
        Assert.StartsWith("before\n{\"cfg\"", log, StringComparison.Ordinal);
        Assert.Contains("/dev/stdout: ", log, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_files_are_written_where_their_shell_has_come_to_and_never_replaced()
    {
        // A link to standard output is standard output.
        Write("log", "before\n");
        File.CreateSymbolicLink(At("link"), "/dev/stdout");
        Assert.Equal(0, Shell($"{Faith} {string.Join(' ', Attribute("--out", At("link")))} >> {At("log")}").Code);
        Assert.StartsWith("before\n{\"cfg\"", File.ReadAllText(At("log")), StringComparison.Ordinal);

        // What follows goes after the result.
        Assert.Equal(0, Shell($"exec 5> {At("five")}; echo before >&5; {Faith} {string.Join(' ', Attribute("--out", "/dev/fd/5"))} && echo after >&5").Code);
        var five = File.ReadAllText(At("five"));
        Assert.StartsWith("before\n{\"cfg\"", five, StringComparison.Ordinal);
        Assert.EndsWith("}\nafter\n", five, StringComparison.Ordinal);

        // The file that a stream goes to, under its own name.
        Write("log", "before\n");
        var (code, _, error) = Shell($"{Faith} {string.Join(' ', Attribute("--out", At("log")))} >> {At("log")}");
        Assert.Equal((2, "before\n"), (code, File.ReadAllText(At("log"))));
        Assert.Contains("is the file that /dev/stdout goes to", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Files_that_the_runtime_opened_for_itself_are_not_written_to()
    {
        for (var number = 3; number < 12; number++)
        {
            var (code, _, error) = Shell($"exec {number}>&-; {Faith} {string.Join(' ', Attribute("--out", $"/dev/fd/{number}"))}");
            Assert.Equal(2, code);
            Assert.Contains("is not open", error, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(">&-", "standard output cannot be written")]
    [InlineData("> /dev/full", "standard output cannot be written")]
    public void Standard_output_that_cannot_be_written_is_the_environments_fault(string redirection, string message)
    {
        var (code, _, error) = Shell($"{Faith} {string.Join(' ', Attribute("--out", At("s.json")))} {redirection}");
        Assert.Equal(2, code);
        Assert.StartsWith("faith: ", error, StringComparison.Ordinal);
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
    }

    [Fact]
    public void A_closed_error_stream_leaves_the_exit_code()
    {
        Assert.Equal(2, Shell($"{Faith} circuit --scores {At("missing.json")} --edges 3 --out {At("c.json")} 2>&-").Code);
        Assert.Equal(0, Shell($"{Faith} tasks show ioi --examples 1000 | head -n 1").Code);
    }

    // As large as a buffer or larger: what does not fit is found out when the file is flushed, or before.
    [Theory]
    [InlineData(200)]
    [InlineData(2000)]
    public void A_full_disk_is_one_line_and_leaves_nothing_behind(int examples)
    {
        var before = Directory.GetFileSystemEntries(Folder);
        var (code, output, error) = Shell($"trap '' XFSZ; ulimit -f 16; export DOTNET_EnableWriteXorExecute=0; exec {Faith} tasks export ioi --examples {examples} --out {At("big.jsonl")}");
        Assert.Equal(FaithProgram.BadInput, code);
        Assert.Empty(output);
        Assert.Contains("big.jsonl: cannot be written (", Assert.Single(error.TrimEnd('\n').Split('\n')), StringComparison.Ordinal);
        Assert.Equal(before, Directory.GetFileSystemEntries(Folder));
    }

    [Fact]
    public void A_folder_that_is_gone_is_no_fault_of_the_program()
    {
        Directory.CreateDirectory(At("gone"));
        var (code, _, error) = Shell($"cd {At("gone")}; rmdir {At("gone")}; {Faith} {string.Join(' ', Attribute("--out", "s.json"))}");
        Assert.Equal(2, code);
        Assert.DoesNotContain("internal error", error, StringComparison.Ordinal);
    }

    // Below this number the runtime itself does not start.
    [Theory]
    [InlineData(50)]
    [InlineData(80)]
    [InlineData(127)]
    public void Too_few_open_files_are_the_environments_fault(int most)
    {
        var (code, _, error) = Shell($"ulimit -n {most}; {Faith} {string.Join(' ', Attribute("--out", At("s.json")))}");
        Assert.Equal((2, $"faith: only {most} files may be open at once here; at least 128 are needed: ulimit -n 1024 before the command allows them\n"), (code, error));
        Assert.False(File.Exists(At("s.json")));
    }

    private static string Faith => $"dotnet {Path.Combine(AppContext.BaseDirectory, "faith.dll")}";

    private static Outcome Shell(string script)
    {
        using var process = Process.Start(new ProcessStartInfo("bash", ["-c", script]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new(process.ExitCode, output, error.GetAwaiter().GetResult());
    }
}
