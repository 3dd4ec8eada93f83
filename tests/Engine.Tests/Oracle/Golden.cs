using System.Text.Json.Nodes;
using Faith.Engine.Data;
using Faith.Engine.Models;

namespace Faith.Engine.Tests.Oracle;

/// <summary>What the reference library computes in float64 on a tiny random GPT-2: shared/data/goldens.</summary>
public static class Golden
{
    /// <summary>The folder, as seen from the shared data.</summary>
    public const string Folder = "goldens/gpt2-tiny-random";

    /// <summary>The model.</summary>
    public static ModelWeights Model() => HuggingFaceDirectory.Read(SharedData.Find(Folder)!);

    /// <summary>The examples of one of the two data sets.</summary>
    public static Example[] Examples(string dataset) => Json("data.json")[dataset]!.AsArray().Select(node => new Example(
        Tokens(node!["clean"]!), Tokens(node["corrupted"]!), [(int)node["label"]![0]!], [(int)node["label"]![1]!])).ToArray();

    /// <summary>A file of the folder.</summary>
    public static JsonNode Json(string file) => JsonNode.Parse(File.ReadAllText(SharedData.Find($"{Folder}/{file}")!))!;

    /// <summary>The numbers of a JSON array, those of nested arrays one after the other.</summary>
    public static double[] Numbers(JsonNode array) =>
        array.AsArray().SelectMany(node => node is JsonArray inner ? Numbers(inner) : [(double)node!]).ToArray();

    /// <summary>
    /// The library's "mean" ablation: every source of every example gets one and the same row, the mean over sources and examples
    /// of the output at the last position divided by the length of the prompt.
    /// </summary>
    public static AblatedOutputs MeanAblation(LiteralModel model, Example[] examples)
    {
        var row = new double[model.Width];
        foreach (var example in examples)
        {
            var last = example.Clean.Length - 1;
            foreach (var z in model.Run(example.Clean).Outputs)
            {
                for (var c = 0; c < row.Length; c++) row[c] += z[last, c] / example.Clean.Length / model.Graph.Sources / examples.Length;
            }
        }
        return example => LiteralAblation.Rows(model, example, (_, _) => row);
    }

    /// <summary>The ablation of that name as the library does it.</summary>
    public static AblatedOutputs Ablation(string name, LiteralModel model, Example[] examples)
    {
        var prompts = examples.Select(example => example.Clean);
        return name switch
        {
            "patching" => LiteralAblation.Of(OracleAblation.Patching, model, prompts),
            "zero" => LiteralAblation.Of(OracleAblation.Zero, model, prompts),
            "mean-positional" => LiteralAblation.Of(OracleAblation.MeanPositional, model, prompts),
            "mean" => MeanAblation(model, examples),
            _ => throw new ArgumentOutOfRangeException(nameof(name), name, null),
        };
    }

    private static int[] Tokens(JsonNode array) => array.AsArray().Select(token => (int)token!).ToArray();
}
