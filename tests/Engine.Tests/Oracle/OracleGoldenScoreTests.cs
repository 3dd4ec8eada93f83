using System.Text.Json.Nodes;
using Faith.Engine.Data;
using Xunit;

namespace Faith.Engine.Tests.Oracle;

/// <summary>The oracle's edge scores against those of the reference library.</summary>
public sealed class OracleGoldenScoreTests
{
    private const double Tolerance = 1e-12;

    [SharedDataTheory(Golden.Folder)]
    [InlineData("EAP")]
    [InlineData("EAP-IG-inputs")]
    [InlineData("EAP-IG-activations")]
    [InlineData("clean-corrupted")]
    [InlineData("exact")]
    [InlineData("information-flow-routes")]
    public void EveryScoreFileOfTheMethod(string method)
    {
        using var weights = Golden.Model();
        var model = new LiteralModel(weights);
        var files = Golden.Json("index.json").AsArray().Where(entry => (string)entry!["method"]! == method).ToArray();
        Assert.NotEmpty(files);
        foreach (var entry in files)
        {
            var file = (string)entry!["file"]!;
            var expected = Expected(model, file);
            AssertAgree(expected, AsTheLibrary(model, entry), file);
        }
    }

    [SharedDataFact(Golden.Folder)]
    public void FacadeAndLibraryAgreeWhereTheyMeanTheSame()
    {
        // Batches of one: the library's score is ours as it stands. Mean-positional ablation, 8 examples in a batch: 8 times the file.
        using var weights = Golden.Model();
        var model = new LiteralModel(weights);
        var examples = Golden.Examples("eq");
        AssertAgree(Expected(model, "EAP-IG-inputs-5__logit_diff__eq_b1.json"),
            OracleRun.Scores(weights, examples, OracleMethod.EapIg, steps: 5), "EAP-IG");
        AssertAgree(TimesEight(Expected(model, "EAP-mean-positional__logit_diff__eq_b8.json")),
            OracleRun.Scores(weights, examples, OracleMethod.Eap, ablation: OracleAblation.MeanPositional), "EAP");
        AssertAgree(TimesEight(Expected(model, "EAP-IG-activations-3__logit_diff__eq_b8.json")),
            OracleRun.Scores(weights, examples, OracleMethod.EapIgActivations, steps: 3), "EAP-IG-activations");
    }

    [SharedDataFact(Golden.Folder)]
    public void OurMeanAblationIsNotTheLibrarys()
    {
        using var weights = Golden.Model();
        var model = new LiteralModel(weights);
        var ours = OracleRun.Scores(weights, Golden.Examples("eq"), OracleMethod.Eap, ablation: OracleAblation.Mean);
        var library = Expected(model, "EAP-mean__logit_diff__eq_b8.json");
        Assert.True(ours.Zip(TimesEight(library), (a, b) => Math.Abs(a - b)).Max() > 0.1);
    }

    private static double[] TimesEight(double[] scores) => Array.ConvertAll(scores, s => 8 * s);

    private static double[] AsTheLibrary(LiteralModel model, JsonNode entry)
    {
        var method = (string)entry["method"]!;
        var examples = Golden.Examples((string)entry["dataset"]!);
        var steps = (int?)entry["ig_steps"] ?? 1;
        var intervention = (string?)entry["intervention"] ?? "patching";
        var metric = (string?)entry["metric"] == "kl" ? OracleMetric.Kl : OracleMetric.LogitDiff;
        var ablation = Golden.Ablation(intervention, model, examples);
        var scores = new LiteralScores(model, metric, ablation);
        // Under means, EAP-IG-activations goes from the clean outputs to zero, and multiplies with the differences from the means.
        var means = intervention.StartsWith("mean", StringComparison.Ordinal);
        var path = means ? new LiteralScores(model, metric, Golden.Ablation("zero", model, examples)) : scores;

        double[] Score(Example example) => method switch
        {
            "EAP" => scores.Edges(example, OracleMethod.Eap, []),
            "EAP-IG-inputs" => scores.Edges(example, OracleMethod.EapIg, LiteralRule.Points(OracleRule.Left, steps)),
            "clean-corrupted" => scores.Edges(example, OracleMethod.CleanCorrupted, []),
            "exact" => scores.Edges(example, OracleMethod.Exact, []),
            "information-flow-routes" => scores.Edges(example, OracleMethod.InformationFlowRoutes, []),
            "EAP-IG-activations" => Contract(model, scores.Difference(example),
                path.GradientRuns(example, OracleMethod.EapIgActivations, LiteralRule.Points(OracleRule.Right, steps))),
            _ => throw new ArgumentOutOfRangeException(nameof(entry), method, null),
        };

        // The library's loss is a batch mean and its total is divided by the number of examples once more: an example counts
        // 1/(size of its batch) of what it should. Methods without a gradient are plain means.
        var batch = method is "exact" or "information-flow-routes" ? 1 : (int)entry["batch_size"]!;
        var total = new double[model.Graph.Sources * model.Graph.Columns];
        for (var i = 0; i < examples.Length; i++)
        {
            var size = Math.Min(batch, examples.Length - i / batch * batch);
            var score = Score(examples[i]);
            for (var e = 0; e < total.Length; e++) total[e] += score[e] / size / examples.Length;
        }
        return total;
    }

    private static double[] Contract(LiteralModel model, double[][] difference, IEnumerable<(LiteralRun Run, double Weight)> runs)
    {
        var graph = model.Graph;
        var scores = new double[graph.Sources * graph.Columns];
        foreach (var (run, weight) in runs)
        {
            for (var u = 0; u < graph.Sources; u++)
            {
                for (var v = 0; v < graph.Columns; v++)
                {
                    if (!graph.IsEdge(new(u), new(v))) continue;
                    scores[u * graph.Columns + v] += weight * difference[u].Zip(run.Inputs[v].Gradient, (d, g) => d * g).Sum();
                }
            }
        }
        return scores;
    }

    private static double[] Expected(LiteralModel model, string file)
    {
        var graph = model.Graph;
        var edges = Golden.Json("scores/" + file)["edges"]!.AsObject();
        Assert.Equal(graph.Edges, edges.Count);
        var scores = new double[graph.Sources * graph.Columns];
        for (var u = 0; u < graph.Sources; u++)
        {
            for (var v = 0; v < graph.Columns; v++)
            {
                if (graph.IsEdge(new(u), new(v))) scores[u * graph.Columns + v] = (double)edges[graph.EdgeName(graph.Edge(new(u), new(v)))]!["score"]!;
            }
        }
        return scores;
    }

    /// <summary>The largest difference is a small part of the largest score.</summary>
    private static void AssertAgree(double[] expected, double[] actual, string what)
    {
        var difference = expected.Zip(actual, (e, a) => Math.Abs(e - a)).Max();
        var largest = expected.Max(Math.Abs);
        Assert.True(difference <= Tolerance * largest, $"{what}: off by {difference / largest:e1} of the largest score {largest:g3}");
    }
}
