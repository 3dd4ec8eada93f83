using Faith.Fuzz.Tests.Mutation;

namespace Faith.Fuzz.Tests.Targets;

/// <summary>A command on good files of which one is damaged while it runs.</summary>
internal sealed class CommandTarget : ITarget
{
    private readonly record struct Damaged(string Name, Func<Random, byte[], byte[]> Mutate);

    private readonly Workspace workspace = new();
    private readonly Damaged[] files;
    private readonly string[][] commands;
    private readonly string[] outputs;

    /// <summary>A file of the model.</summary>
    public const string Model = "model";
    /// <summary>The prompts.</summary>
    public const string Data = "data";
    /// <summary>Scores and circuits.</summary>
    public const string Scores = "scores";

    public CommandTarget(string damaged)
    {
        outputs = [.. ((string[])["out.json", "more.json", "out.csv", "out.svg", "out.html", "out.dot", "out.pdf"]).Select(workspace.At)];
        files = damaged switch { Model => ModelFiles(), Data => DataFiles(), _ => ScoreFiles() };
        commands = damaged switch
        {
            Model => [.. Runs(Workspace.Gpt2), .. Runs(Workspace.Llama), .. Generations()],
            Data => [.. ((string[])["ids.jsonl", "text.jsonl", "data.csv"]).SelectMany(data => Runs(Workspace.Gpt2, data))],
            _ => [.. Runs(Workspace.Gpt2), .. OnScores()],
        };
    }

    public bool Run(Random random)
    {
        // The command first: the file is one that it reads.
        var command = commands[random.Next(commands.Length)];
        var read = Array.FindAll(files, file => command.Any(word => workspace.At(file.Name).StartsWith(word, StringComparison.Ordinal) && word.Length > workspace.Folder.Length));
        var (name, mutate) = read[random.Next(read.Length)];
        var path = workspace.At(name);
        try
        {
            File.WriteAllBytes(path, mutate(random, File.ReadAllBytes(path)));
            return workspace.Run(command, outputs);
        }
        finally
        {
            workspace.Restore();
        }
    }

    public void Dispose() => workspace.Dispose();

    private static Damaged[] ModelFiles() =>
    [
        .. ((string[])[Workspace.Gpt2, Workspace.Llama]).SelectMany(model => (Damaged[])[new($"{model}/config.json", JsonMutator.Mutate), new($"{model}/tokenizer.json", JsonMutator.Mutate)]),
        new($"{Workspace.Gpt2}/model.safetensors", SafetensorsMutator.Mutate),
        new($"{Workspace.Llama}/model.safetensors.index.json", JsonMutator.Mutate),
        new($"{Workspace.Llama}/model-00001-of-00002.safetensors", SafetensorsMutator.Mutate),
    ];

    private static Damaged[] DataFiles() => [new("ids.jsonl", LinesMutator.MutateJsonLines), new("text.jsonl", LinesMutator.MutateJsonLines), new("data.csv", LinesMutator.MutateTable)];

    private static Damaged[] ScoreFiles() => [new($"{Workspace.Gpt2}.scores.json", JsonMutator.Mutate), new($"{Workspace.Gpt2}.circuit.json", JsonMutator.Mutate)];

    private string[][] Runs(string model, string data = "ids.jsonl")
    {
        var on = workspace.On(model, data);
        var (scores, circuit) = (workspace.At($"{model}.scores.json"), workspace.At($"{model}.circuit.json"));
        var (json, more, csv, svg) = (outputs[0], outputs[1], outputs[2], outputs[3]);
        return
        [
            ["attribute", .. on, "--method", "eap", "--out", json, "--json", more],
            ["attribute", .. on, "--metric", "kl", "--ablation", "mean", "--level", "node", "--out", json],
            ["attribute", .. on, "--ablation", "zero", "--steps", "auto", "--out", json],
            ["attribute", .. on, "--method", "exact", "--top", "5", "--top-of", scores, "--out", json],
            ["evaluate", .. on, "--circuit", circuit, "--json", json],
            ["evaluate", .. on, "--circuit", circuit, "--metric", "prob-diff", "--ablation", "mean-positional"],
            ["curve", .. on, "--scores", scores, "--edges", "5,20", "--out", csv, "--plot", svg],
            ["curve", .. on, "--scores", scores, "--mib", "--out", csv],
            ["check-circuit", .. on, "--circuit", circuit, "--sets", "2", "--json", json],
            ["stability", .. on, "--edges", "10", "--resamples", "10", "--random", "1", "--shuffles", "1", "--json", json],
            ["accuracy", .. on, "--json", json],
            ["plan", "--model", workspace.At(model), "--data", workspace.At(data), "--device", "cpu"],
        ];
    }

    private string[][] Generations() =>
        [.. ((string[])[Workspace.Gpt2, Workspace.Llama]).Select(model => (string[])["generate", "--model", workspace.At(model), "--prompt", "abc", "--tokens", "2", "--device", "cpu", "--threads", "1"])];

    private string[][] OnScores()
    {
        var (scores, circuit) = (workspace.At($"{Workspace.Gpt2}.scores.json"), workspace.At($"{Workspace.Gpt2}.circuit.json"));
        return
        [
            ["circuit", "--scores", scores, "--edges", "10", "--out", outputs[0]],
            ["circuit", "--scores", scores, "--edges", "10", "--select", "greedy", "--signed", "--out", outputs[0]],
            ["circuit", "--scores", scores, "--nodes", "3", "--out", outputs[0]],
            ["circuit", "--scores", scores, "--neurons", "9", "--out", outputs[0]],
            ["circuit", "--scores", scores, "--threshold", "0.01", "--out", outputs[0]],
            ["compare", scores, workspace.At($"{Workspace.Llama}.scores.json"), "--edges", "5"],
            ["compare", scores, circuit, "--json", outputs[0]],
            ["compare", scores, "--known", circuit],
            .. outputs[3..].Select(picture => (string[])["draw", circuit, "--out", picture]),
        ];
    }
}
