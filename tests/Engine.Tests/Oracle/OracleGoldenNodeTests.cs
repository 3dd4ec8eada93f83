using Xunit;

namespace Faith.Engine.Tests.Oracle;

/// <summary>The oracle's node and neuron scores against those of the reference library.</summary>
public sealed class OracleGoldenNodeTests
{
    [SharedDataTheory(Golden.Folder)]
    [InlineData("EAP", "patching", "eq")]
    [InlineData("EAP", "patching", "pad")]
    [InlineData("EAP", "zero", "eq")]
    [InlineData("EAP", "zero", "pad")]
    [InlineData("EAP", "mean-positional", "eq")]
    [InlineData("EAP-IG-inputs-5", "patching", "eq")]
    [InlineData("EAP-IG-inputs-5", "patching", "pad")]
    [InlineData("EAP-IG-activations-3", "patching", "eq")]
    [InlineData("EAP-IG-activations-3", "patching", "pad")]
    [InlineData("EAP-IG-activations-3", "zero", "eq")]
    [InlineData("EAP-IG-activations-3", "zero", "pad")]
    [InlineData("EAP-IG-activations-3", "mean-positional", "eq")]
    public void NodeScores(string name, string intervention, string dataset)
    {
        using var weights = Golden.Model();
        var model = new LiteralModel(weights);
        var golden = Golden.Json("node_f64.json").AsObject();
        var names = Enumerable.Range(0, model.Graph.Sources).Select(u => model.Graph.NodeName(new(u)));
        Assert.Equal(golden["order"]!.AsArray().Select(name => (string)name!), names);

        var examples = Golden.Examples(dataset);
        var ablation = Golden.Ablation(intervention, model, examples);
        // Towards zero where the library means the means (see the edge scores).
        var path = name.StartsWith("EAP-IG-activations", StringComparison.Ordinal) && intervention == "mean-positional"
            ? Golden.Ablation("zero", model, examples)
            : ablation;
        // At node level all of the library's steps are 1 … m.
        var (method, points) = name switch
        {
            "EAP" => (OracleMethod.Eap, Array.Empty<PathPoint>()),
            "EAP-IG-inputs-5" => (OracleMethod.EapIg, LiteralRule.Points(OracleRule.Right, 5)),
            _ => (OracleMethod.EapIgActivations, LiteralRule.Points(OracleRule.Right, 3)),
        };

        var ours = new double[model.Graph.Sources * model.Width];
        var library = new double[ours.Length];
        foreach (var example in examples)
        {
            var difference = new LiteralScores(model, OracleMetric.LogitDiff, ablation).Difference(example);
            foreach (var (run, weight) in new LiteralScores(model, OracleMetric.LogitDiff, path).GradientRuns(example, method, points))
            {
                for (var u = 0; u < model.Graph.Sources; u++)
                {
                    // The quirk: an MLP's output difference meets the gradient at the MLP's input.
                    var quirk = IsMlp(model, u) ? run.Inputs[MlpColumn(model, u)].Gradient : run.Outputs[u].Gradient;
                    for (var i = 0; i < quirk.Length; i++)
                    {
                        var share = weight * difference[u][i] / examples.Length;
                        ours[u * model.Width + i % model.Width] += share * run.Outputs[u].Gradient[i];
                        library[u * model.Width + i % model.Width] += share * quirk[i];
                    }
                }
            }
        }

        // The library's further division by the batch of 8.
        var expected = Golden.Numbers(golden[$"{name}__{intervention}__{dataset}_b8"]!);
        AssertAgree(expected, library.Chunk(model.Width).Select(row => row.Sum() / 8).ToArray());
        if (golden[$"neuron_{name}__{intervention}__{dataset}_b8"] is { } neurons)
        {
            AssertAgree(Golden.Numbers(neurons), library.Select(s => s / 8).ToArray());
        }

        // Ours takes every gradient at the node's output.
        if (path != ablation) return;
        var scores = new LiteralScores(model, OracleMetric.LogitDiff, ablation);
        var own = examples.Select(example => scores.Neurons(example, method, points)).ToArray();
        AssertAgree(ours, Enumerable.Range(0, ours.Length).Select(i => own.Average(s => s[i])).ToArray());
    }

    private static bool IsMlp(LiteralModel model, int source) => model.Graph.NodeName(new(source))[0] == 'm';

    private static int MlpColumn(LiteralModel model, int source) => model.Graph.MlpColumn((source - 1) / (model.Graph.Heads + 1));

    private static void AssertAgree(double[] expected, double[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        var difference = expected.Zip(actual, (e, a) => Math.Abs(e - a)).Max();
        var largest = expected.Max(Math.Abs);
        Assert.True(difference <= 1e-12 * largest, $"off by {difference / largest:e1} of the largest score {largest:g3}");
    }
}
