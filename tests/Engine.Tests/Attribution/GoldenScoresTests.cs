using System.Text.Json;
using Faith.Engine.Ablations;
using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Models;
using Faith.Engine.Passes;
using Faith.Engine.ScoreFiles;
using Faith.Kernels;
using Xunit;

namespace Faith.Engine.Tests.Attribution;

/// <summary>Scores and circuits that the reference library computed on a tiny random GPT-2, when they are at hand.</summary>
public class GoldenScoresTests
{
    private const string Folder = "goldens/gpt2-tiny-random";

    // The reference divides a batch mean by the number of examples again, so a file of one batch of 8 holds an eighth of the score.
    [SharedDataTheory(Folder)]
    [InlineData("EAP__logit_diff__eq_b8", "eap", 5, "eq", 8)]
    [InlineData("EAP__logit_diff__eq_b1", "eap", 5, "eq", 1)]
    [InlineData("EAP__logit_diff__pad_b8", "eap", 5, "pad", 8)]
    [InlineData("EAP-IG-inputs-1__logit_diff__eq_b8", "eap-ig", 1, "eq", 8)]
    [InlineData("EAP-IG-inputs-5__logit_diff__eq_b8", "eap-ig", 5, "eq", 8)]
    [InlineData("EAP-IG-inputs-5__logit_diff__eq_b1", "eap-ig", 5, "eq", 1)]
    [InlineData("EAP-IG-inputs-5__logit_diff__pad_b8", "eap-ig", 5, "pad", 8)]
    [InlineData("EAP-IG-inputs-5__kl__eq_b8", "eap-ig", 5, "eq", 8)]
    [InlineData("EAP-IG-inputs-5__kl__pad_b8", "eap-ig", 5, "pad", 8)]
    [InlineData("clean-corrupted__logit_diff__eq_b8", "clean-corrupted", 5, "eq", 8)]
    [InlineData("clean-corrupted__logit_diff__pad_b8", "clean-corrupted", 5, "pad", 8)]
    [InlineData("clean-corrupted__kl__eq_b8", "clean-corrupted", 5, "eq", 8)]
    [InlineData("exact__logit_diff__eq_b8", "exact", 5, "eq", 1)]
    [InlineData("exact__logit_diff__pad_b8", "exact", 5, "pad", 1)]
    [InlineData("exact-zero__logit_diff__eq_b8", "exact", 5, "eq", 1, Ablation.Zero)]
    [InlineData("exact-mean-positional__logit_diff__eq_b8", "exact", 5, "eq", 1, Ablation.MeanPositional)]
    [InlineData("information-flow-routes__none__eq_b8", "ifr", 5, "eq", 1)]
    [InlineData("information-flow-routes__none__pad_b8", "ifr", 5, "pad", 1)]
    [InlineData("EAP-zero__logit_diff__eq_b8", "eap", 5, "eq", 8, Ablation.Zero)]
    [InlineData("EAP-mean-positional__logit_diff__eq_b8", "eap", 5, "eq", 8, Ablation.MeanPositional)]
    [InlineData("EAP-IG-activations-3__logit_diff__eq_b8", "eap-ig-activations", 3, "eq", 8)]
    [InlineData("EAP-IG-activations-3__logit_diff__pad_b8", "eap-ig-activations", 3, "pad", 8)]
    [InlineData("EAP-IG-activations-3__kl__eq_b8", "eap-ig-activations", 3, "eq", 8)]
    [InlineData("EAP-IG-activations-3-zero__logit_diff__eq_b8", "eap-ig-activations", 3, "eq", 8, Ablation.Zero)]
    public void ScoresAgree(string file, string method, int steps, string set, int factor, Ablation ablation = Ablation.Patching)
    {
        var golden = Open();
        using var model = golden.Model;
        var expected = ScoreFile.Read(Path.Combine(golden.Folder, "scores", file + ".json")).Scores!.Values.Select(v => v * factor).ToArray();
        var metric = file.Contains("__kl__", StringComparison.Ordinal) ? MetricKind.KullbackLeibler : MetricKind.LogitDifference;
        var result = Attributor.Run(model, golden.Data(set), new() { Method = method, Steps = steps, Metric = metric, Ablation = ablation });
        Close.Check(expected, result.Scores.Values, 1e-4, file);
    }

    [SharedDataFact(Folder)]
    public void BaselinesAgree()
    {
        var golden = Open();
        using var model = golden.Model;
        foreach (var set in new[] { "eq", "pad" })
        {
            var baseline = golden.Evaluations.GetProperty("baseline").GetProperty($"{set}__logit_diff");
            var result = CircuitEvaluator.Evaluate(model, golden.Data(set), [Circuit.Empty(model.Graph)], MetricKind.LogitDifference)[0];
            Close.Check(Doubles(baseline.GetProperty("clean")), result.Clean, 1e-4, $"clean, {set}");
            Close.Check(Doubles(baseline.GetProperty("corrupted")), result.Corrupted, 1e-4, $"corrupted, {set}");
        }
    }

    // The reference's plain mean is not a mean over positions, so that ours cannot agree with it.
    [SharedDataTheory(Folder)]
    [InlineData("eq", Ablation.Patching)]
    [InlineData("pad", Ablation.Patching)]
    [InlineData("eq", Ablation.Zero)]
    [InlineData("pad", Ablation.Zero)]
    [InlineData("eq", Ablation.MeanPositional)]
    public void CircuitsScoreAsInTheReference(string set, Ablation ablation)
    {
        var golden = Open();
        using var model = golden.Model;
        var edges = Circuit.Full(model.Graph).Edges.ToDictionary(e => model.Graph.EdgeName(e));
        var entries = golden.Evaluations.GetProperty("circuits").EnumerateArray().ToArray();
        var circuits = entries.Select(entry => new Circuit(model.Graph, Names(entry, "selected_edges").Except(Names(entry, "pruned_away")).Select(name => edges[name]))).ToArray();
        foreach (var (metric, key) in new[] { (MetricKind.LogitDifference, "logit_diff"), (MetricKind.KullbackLeibler, "kl") })
        {
            var results = CircuitEvaluator.Evaluate(model, golden.Data(set), circuits, new EvaluationOptions { Metric = metric, Ablation = ablation });
            for (var i = 0; i < entries.Length; i++)
            {
                var values = Doubles(entries[i].GetProperty("results").GetProperty($"{set}__{ablation.Name()}").GetProperty(key));
                if (values.All(v => v == 0)) Assert.All(results[i].Circuit, v => Assert.InRange(v, -1e-8, 1e-8)); // the full circuit under a divergence
                else Close.Check(values, results[i].Circuit, 1e-4, $"circuit {i}, {set}, {key}");
            }
        }
    }

    // The reference multiplies an MLP's difference with the gradient at its input; the other nodes' scores are ours.
    [SharedDataTheory(Folder)]
    [InlineData("EAP__patching__eq_b8", "eap", "eq", Ablation.Patching)]
    [InlineData("EAP__patching__pad_b8", "eap", "pad", Ablation.Patching)]
    [InlineData("EAP__zero__eq_b8", "eap", "eq", Ablation.Zero)]
    [InlineData("EAP__mean-positional__eq_b8", "eap", "eq", Ablation.MeanPositional)]
    [InlineData("EAP-IG-inputs-5__patching__eq_b8", "eap-ig", "eq", Ablation.Patching)]
    [InlineData("EAP-IG-activations-3__patching__pad_b8", "eap-ig-activations", "pad", Ablation.Patching)]
    [InlineData("EAP-IG-activations-3__zero__eq_b8", "eap-ig-activations", "eq", Ablation.Zero)]
    public void NodesAgree(string entry, string method, string set, Ablation ablation)
    {
        var golden = Open();
        using var model = golden.Model;
        var expected = Doubles(JsonDocument.Parse(File.ReadAllText(Path.Combine(golden.Folder, "node_f64.json"))).RootElement.GetProperty(entry));
        var options = new AttributionOptions { Method = method, Steps = method == "eap-ig" ? 5 : 3, Rule = IntegrationRule.Right, Ablation = ablation, Level = ScoreLevel.Node };
        var scores = Attributor.Run(model, golden.Data(set), options).NodeScores!;
        var comparable = Enumerable.Range(0, model.Graph.Sources).Where(u => model.Graph.NodeName(new(u))[0] != 'm').ToArray();
        Close.Check([.. comparable.Select(u => 8 * expected[u])], [.. comparable.Select(u => scores[u])], 1e-4, entry);
    }

    private static IEnumerable<string> Names(JsonElement entry, string property) => entry.GetProperty(property).EnumerateArray().Select(name => name.GetString()!);

    private (string Folder, Transformer Model, Func<string, Example[]> Data, JsonElement Evaluations) Open()
    {
        var folder = SharedData.Find(Folder)!;
        var sets = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "data.json"))).RootElement;
        var evaluations = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "eval_f64.json"))).RootElement;
        return (folder, new Transformer(Devices.Open("cpu"), ModelLoader.Load(folder)), Examples, evaluations);

        Example[] Examples(string set) =>
        [
            .. sets.GetProperty(set).EnumerateArray().Select(e => new Example(Ints(e.GetProperty("clean")), Ints(e.GetProperty("corrupted")),
                [Ints(e.GetProperty("label"))[0]], [Ints(e.GetProperty("label"))[1]])),
        ];
    }

    private static int[] Ints(JsonElement array) => [.. array.EnumerateArray().Select(v => v.GetInt32())];

    private static double[] Doubles(JsonElement array) => [.. array.EnumerateArray().Select(v => v.GetDouble())];
}
