using System.Text.Json;
using System.Text.Json.Nodes;
using Faith.Engine.Models;
using Faith.Engine.Tests.Hub;
using Xunit;

namespace Faith.Cli.Tests;

/// <summary>From an empty cache and a hub on this machine to CPR and CMD of a cell, through the program, for every kind of task.</summary>
public sealed class MibEvidenceTests : CliTest
{
    private readonly HubServer server = new();

    public MibEvidenceTests() => (Variables["HF_ENDPOINT"], Variables["HF_HOME"], Variables["HF_HUB_CACHE"]) = (server.Endpoint, At("home"), "");

    [Theory]
    [InlineData("ioi_gpt2", "openai-community/gpt2", "gpt2", "mib-bench/ioi", null, 5, 0)]
    [InlineData("mcqa_qwen2.5", "Qwen/Qwen2.5-0.5B", "qwen2.5-0.5b", "mib-bench/copycolors_mcqa", "4_answer_choices", 4, 0)]
    [InlineData("arithmetic-subtraction_llama3", "meta-llama/Llama-3.1-8B", "llama-3.1-8b", "mib-bench/arithmetic_subtraction", null, 4, 1)]
    [InlineData("arc-easy_gemma2", "google/gemma-2-2b", "gemma-2-2b", "mib-bench/arc_easy", null, 4, 0)]
    public void A_cell_is_measured_from_an_empty_cache(string cell, string model, string nickname, string dataSet, string? configuration, int examples, int filtered)
    {
        // The shipped model stands for the cell's.
        server.Repositories[model] = Directory.GetFiles(ModelCatalog.Resolve("tasks-4l")).ToDictionary(path => Path.GetFileName(path)!, File.ReadAllBytes);
        server.Repositories[$"datasets/{dataSet}"] = MibDataSets.Files(dataSet);

        Assert.Contains($"faith pull {model}", Failed("mib", "attribute", "--cell", cell, "--out", "submission"), StringComparison.Ordinal);
        Succeeded("pull", nickname);
        Assert.Contains($"faith pull --dataset {dataSet}", Failed("mib", "attribute", "--cell", cell, "--out", "submission"), StringComparison.Ordinal);
        Succeeded(["pull", "--dataset", dataSet, .. configuration is null ? (string[])[] : ["--config", configuration]]);
        Assert.DoesNotContain(server.Contents, request => request.Path.Contains("2_answer_choices", StringComparison.Ordinal));
        var asked = server.Requests.Count;

        var (output, error) = Succeeded("mib", "attribute", "--cell", cell, "--out", "submission");
        Assert.Contains($"on {examples} examples of {cell[..cell.IndexOf('_', StringComparison.Ordinal)]} train", output, StringComparison.Ordinal);
        Assert.Equal(filtered > 0, error.Contains($"{filtered} rows of ", StringComparison.Ordinal));
        var scores = Path.Combine("submission", cell, "importances.json");
        var (table, _) = Succeeded("mib", "evaluate", "--cell", cell, "--scores", scores, "--json", "result.json");
        Assert.Equal(asked, server.Requests.Count);

        var result = JsonNode.Parse(File.ReadAllText(At("result.json")))!;
        double[] p = Numbers(result["p"]!), f = Numbers(result["faithfulness"]!), bySize = Numbers(result["by_size"]!["faithfulness"]!);
        Assert.Equal(1, f[^1], 1e-9);
        var (cpr, cmd) = (Area(f), Area([.. bySize.Select(value => Math.Abs(1 - value))]));
        Assert.Equal(cpr, (double)result["cpr"]!, 1e-12);
        Assert.Equal(cmd, (double)result["by_size"]!["cmd"]!, 1e-12);
        Assert.Contains("the benchmark's table: CPR ", table, StringComparison.Ordinal);

        // Scores and faithfulness are those of the same examples given as any others.
        Write("train.jsonl", Lines(cell, dataSet, "train"));
        Write("validation.jsonl", Lines(cell, dataSet, "validation"));
        Succeeded("attribute", "--model", nickname, "--data", "train.jsonl", "--answer-tokens", "first", "--out", "scores.json");
        Assert.Equal(Scores("scores.json"), Scores(scores));
        var edges = (int)Math.Floor(0.02 * Scores(scores).Length);
        Succeeded("circuit", "--scores", scores, "--edges", $"{edges}", "--signed", "--out", "circuit.json");
        Succeeded("evaluate", "--model", nickname, "--data", "validation.jsonl", "--answer-tokens", "first", "--circuit", "circuit.json", "--json", "evaluated.json");
        var evaluated = JsonNode.Parse(File.ReadAllText(At("evaluated.json")))!;
        double clean = Mean(evaluated, "clean"), corrupted = Mean(evaluated, "corrupted");
        Assert.Equal(((Mean(evaluated, "circuit") - corrupted) / (clean - corrupted), clean, corrupted), (f[4], (double)result["full"]!, (double)result["empty"]!));

        double Area(double[] values) => Enumerable.Range(1, p.Length - 1).Sum(i => (p[i] - p[i - 1]) * (values[i - 1] + values[i]) / 2);
    }

    /// <summary>InterpBench's model: a pickle, a torch file under TransformerLens' names, and another repository's tokenizer; its circuit is known.</summary>
    [Fact]
    public void The_model_whose_circuit_is_known_is_measured_against_it()
    {
        var shipped = Directory.GetFiles(ModelCatalog.Resolve("tasks-4l")).ToDictionary(path => Path.GetFileName(path)!, File.ReadAllBytes);
        server.Repositories["openai-community/gpt2"] = shipped;
        server.Repositories["mib-bench/interpbench"] = InterpBenchFiles.Make((int)JsonNode.Parse(shipped["config.json"])!["vocab_size"]!, "gpt2");
        server.Repositories["datasets/mib-bench/ioi"] = MibDataSets.Files("mib-bench/ioi");
        string[] attribute = ["mib", "attribute", "--cell", "ioi_interpbench", "--level", "neuron", "--out", "submission"];

        Succeeded("pull", "--dataset", "mib-bench/ioi");
        Assert.Contains("faith pull mib-bench/interpbench", Failed(attribute), StringComparison.Ordinal);
        Succeeded("pull", "mib-bench/interpbench");
        Assert.DoesNotContain(server.Contents, request => request.Path.Contains("110_80_80", StringComparison.Ordinal));
        Assert.Contains("mib-bench/interpbench has the tokenizer of openai-community/gpt2, which is not in the Hugging Face cache; faith pull openai-community/gpt2 fetches it", Failed(attribute), StringComparison.Ordinal);
        Succeeded("pull", "gpt2");

        Assert.Contains("/importances.json: 1", Succeeded(attribute).Output, StringComparison.Ordinal);
        var scores = Path.Combine("submission", "ioi_interpbench", "importances.json");
        Succeeded("circuit", "--scores", scores, "--edges", "20", "--out", "reference.json");
        var reference = JsonNode.Parse(File.ReadAllText(At("reference.json")))!;
        var file = JsonNode.Parse(File.ReadAllText(At(scores)))!;
        foreach (var level in (string[])["edge", "node", "neuron"])
        {
            Succeeded("mib", "evaluate", "--cell", "ioi_interpbench", "--level", level, "--scores", scores, "--json", $"{level}.json");
            Assert.Equal(1, Numbers(JsonNode.Parse(File.ReadAllText(At($"{level}.json")))!["faithfulness"]!)[^1], 1e-9);
            Succeeded("mib", "auroc", "--scores", scores, "--reference", "reference.json", "--level", level, "--json", "auroc.json");
            var areas = JsonNode.Parse(File.ReadAllText(At("auroc.json")))!;
            var (values, known) = Items(level);
            Assert.Equal(Probability(values, known), (double)areas["auroc"]!, 1e-12);
            Assert.InRange((double)areas["mib"]!, 0, 1);
        }
        // Edges: those of the reference are the ones of the largest scores, but for what pruning took.
        Assert.InRange(Probability(Items("edge").Values, Items("edge").Known), 0.95, 1);

        // Literally, in the order of the file.
        (double[] Values, bool[] Known) Items(string level) => level switch
        {
            "edge" => ([.. file["edges"]!.AsObject().Select(e => (double)e.Value!["score"]!)], [.. reference["edges"]!.AsObject().Select(e => (bool)e.Value!["in_graph"]!)]),
            "node" => ([.. Nodes().Select(n => (double)file["nodes"]![n]!["score"]!)], [.. Nodes().Select(n => (bool)reference["nodes"]![n]!["in_graph"]!)]),
            _ => ([.. Nodes().SelectMany(n => Numbers(file["nodes"]![n]!["neurons_scores"]!))], [.. Nodes().SelectMany(n => Enumerable.Repeat((bool)reference["nodes"]![n]!["in_graph"]!, 64))]),
        };

        IEnumerable<string> Nodes() => file["nodes"]!.AsObject().Select(node => node.Key).Where(name => name != "logits");

        // That one inside scores higher than one outside.
        static double Probability(double[] values, bool[] known)
        {
            double[] outside = [.. values.Where((_, i) => !known[i]).Select(Math.Abs)];
            return values.Where((_, i) => known[i]).Select(Math.Abs).Average(inside => outside.Average(other => inside > other ? 1 : inside == other ? 0.5 : 0));
        }
    }

    /// <summary>Ten thousand examples, in a heap that has hardly more room than the program without any needs.</summary>
    [Fact]
    public void Memory_does_not_grow_with_the_examples()
    {
        File.WriteAllBytes(At("train.parquet"), MibDataSets.Many(10_000));
        // In hexadecimal: 96 MiB.
        Variables["DOTNET_GCHeapHardLimit"] = "6000000";
        Assert.Contains("on 10000 examples of ioi train", Succeeded("mib", "attribute", "--cell", "ioi_gpt2", "--model", "tasks-4l", "--data", "train.parquet", "--method", "eap", "--examples", "10000", "--out", "out").Output, StringComparison.Ordinal);
    }

    // The rows that the benchmark takes, as faith attribute takes them.
    private static string Lines(string cell, string dataSet, string split) =>
        string.Concat(MibDataSets.Rows(dataSet, split).Select(row =>
        {
            var task = cell[..3];
            var other = row![task switch { "ioi" => "s2_io_flip_counterfactual", "ari" => "random_counterfactual", _ => "symbol_counterfactual" }]!;
            var (good, bad) = task switch
            {
                "ioi" => ($" {row["metadata"]!["indirect_object"]}", $" {row["metadata"]!["subject"]}"),
                "ari" => ($"{row["label"]}", $"{other["label"]}"),
                _ => ($"{row["choices"]!["label"]![(int)row["answerKey"]!]}", $"{other["choices"]!["label"]![(int)other["answerKey"]!]}"),
            };
            return task == "ari" && good.Length > 2 ? "" : JsonSerializer.Serialize(new { clean = $"{row["prompt"]}", corrupted = $"{other["prompt"]}", answers = new[] { good }, distractors = new[] { bad } }) + "\n";
        }));

    private double[] Scores(string path) => [.. JsonNode.Parse(File.ReadAllText(At(path)))!["edges"]!.AsObject().Select(edge => (double)edge.Value!["score"]!)];

    private static double Mean(JsonNode result, string run) => (double)result[run]!["mean"]!;

    private static double[] Numbers(JsonNode list) => [.. list.AsArray().Select(value => (double)value!)];

    private (string Output, string Error) Succeeded(params string[] args)
    {
        var (code, output, error) = RunProcess(args);
        Assert.True(code == 0, error);
        return (output, error);
    }

    private string Failed(params string[] args)
    {
        var (code, _, error) = RunProcess(args);
        Assert.Equal(FaithProgram.BadInput, code);
        return Assert.Single(error.TrimEnd('\n').Split('\n'));
    }
}
