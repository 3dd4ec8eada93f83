using System.Text.RegularExpressions;
using Faith.Cli;

namespace Faith.Fuzz.Tests.Targets;

/// <summary>
/// Command lines made of the options that the help lists, with values of which some fit. Those that ask for much work are stopped as by Ctrl-C.
/// </summary>
internal sealed partial class CommandLineTarget : ITarget
{
    private const string Bench = "bench";
    private static readonly string[] Commands =
        ["demo", "attribute", "circuit", "evaluate", "check-circuit", "curve", "stability", "compare", "matrix", "methods", "accuracy", "draw", "tasks", "generate", "plan", "devices", "help", Bench];
    private static readonly string[] Values =
    [
        "", " ", "-", "--", "0", "1", "-1", "5", "0.5", "nan", "inf", "1e999", "2147483647", "2147483648", "99999999999999999999", "1,2,3", "1,,2", ",", "auto", "cpu", "CPU", "cuda", "cuda:9", "cuda:0,0", "opencl:9", "24,80",
        "eap", "EAP-IG", "acdc", "exact", "ifr", "kl", "js", "zero", "mean", "left", "gauss-legendre", "node", "neuron", "greedy", "paper", "mib", "ioi", "sva", "tasks-4l", "gpt2", "\u001b[31m", "\u202e", "a\nfaith: b",
        "@file", "\0", "--help", "-h", "--version", "/dev/null", "/dev/zero", "/", ".", "..", "\ud800",
    ];
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(300);

    private readonly Workspace workspace = new();
    private readonly Dictionary<string, string[]> options = Commands.ToDictionary(command => command, OptionsOf);
    private readonly string[] files, outputs;

    public CommandLineTarget()
    {
        outputs = [workspace.At("out.json"), workspace.At("out.csv"), workspace.At("out.svg"), workspace.At("out.pdf")];
        files = [.. ((string[])[Workspace.Gpt2, Workspace.Llama, "ids.jsonl", "text.jsonl", "data.csv", "gpt2.scores.json", "gpt2.circuit.json", "llama.scores.json", "gpt2/config.json", "missing.json"]).Select(workspace.At)];
    }

    public bool Run(Random random)
    {
        var command = Commands[random.Next(Commands.Length)];
        var words = random.Next(2) == 0 ? Likely(random, command) : [command];
        for (var more = random.Next(4); more > 0; more--)
        {
            var known = options[random.Next(5) == 0 ? Commands[random.Next(Commands.Length)] : command];
            if (known.Length > 0) words.Add(known[random.Next(known.Length)]);
            if (random.Next(3) > 0) words.Add(Value(random));
        }
        for (var edits = random.Next(3); edits > 0; edits--)
        {
            var at = random.Next(words.Count);
            switch (random.Next(5))
            {
                case 0 when words.Count > 1: words.RemoveAt(at); break;
                case 1: words.Insert(at, words[random.Next(words.Count)]); break;
                case 2: words[at] = Value(random); break;
                case 3 when words[at].Length > 0: words[at] = words[at].Remove(random.Next(words[at].Length), 1); break;
                default: words.Insert(at, Value(random)); break;
            }
        }
        // A model as large as the machine is too much work, but what else is wrong must be found before that.
        if (words.Contains(Bench)) words.AddRange("--shape", "none");
        try
        {
            return workspace.Run([.. words], Written(words), Patience);
        }
        finally
        {
            workspace.Restore();
        }
    }

    public void Dispose() => workspace.Dispose();

    // What follows an option of outputs, and is named once: a file that is read too is not to be written.
    private static HashSet<string> Written(List<string> words) =>
        [.. words.Where((word, i) => i > 0 && words[i - 1] is "--out" or "--json" or "--plot" or "--svg" && words.Count(other => other == word) == 1)];

    // A command line that works, before it is changed.
    private List<string> Likely(Random random, string command)
    {
        string[] on = workspace.On(random.Next(2) == 0 ? Workspace.Gpt2 : Workspace.Llama);
        return [command, .. command switch
        {
            "attribute" => (string[])[.. on, "--out", outputs[0]],
            "evaluate" or "check-circuit" => [.. on, "--circuit", workspace.At("gpt2.circuit.json")],
            "curve" => [.. on, "--scores", workspace.At("gpt2.scores.json"), "--out", outputs[1]],
            "stability" => [.. on, "--edges", "5", "--resamples", "3"],
            "accuracy" => on,
            "circuit" => ["--scores", workspace.At("gpt2.scores.json"), "--edges", "5", "--out", outputs[0]],
            "compare" => [workspace.At("gpt2.scores.json"), workspace.At("llama.scores.json")],
            "draw" => [workspace.At("gpt2.circuit.json"), "--out", outputs[random.Next(2, 4)]],
            "generate" => ["--model", workspace.At(Workspace.Gpt2), "--prompt", "abc", "--device", "cpu"],
            "plan" => ["--shape", "gpt2"],
            "tasks" => ["show", "ioi"],
            _ => [],
        }];
    }

    private string Value(Random random) => random.Next(3) switch
    {
        0 => files[random.Next(files.Length)],
        1 when random.Next(2) == 0 => outputs[random.Next(outputs.Length)],
        _ => Values[random.Next(Values.Length)],
    };

    private static string[] OptionsOf(string command)
    {
        using var help = new StringWriter();
        FaithProgram.Run([command, "--help"], help, help);
        return [.. Option().Matches(help.ToString()).Select(match => match.Value).Distinct()];
    }

    [GeneratedRegex("--[a-z][a-z0-9-]+")]
    private static partial Regex Option();
}
