using Faith.Engine.Graphs;
using Xunit;

namespace Faith.Engine.Tests.Oracle;

/// <summary>The oracle's circuits against those that the reference library evaluated.</summary>
public sealed class OracleGoldenCircuitTests
{
    [SharedDataTheory(Golden.Folder)]
    [InlineData("eq", "patching")]
    [InlineData("eq", "zero")]
    [InlineData("eq", "mean")]
    [InlineData("eq", "mean-positional")]
    [InlineData("pad", "patching")]
    [InlineData("pad", "zero")]
    public void EveryCircuitByExample(string dataset, string intervention)
    {
        using var weights = Golden.Model();
        var model = new LiteralModel(weights);
        var graph = model.Graph;
        var examples = Golden.Examples(dataset);
        var ablation = Golden.Ablation(intervention, model, examples);
        var ablated = examples.Select(example => ablation(example)).ToArray();
        var clean = examples.Select(example => model.Run(example.Clean).LastLogits).ToArray();
        var edgeOfName = Circuit.Full(graph).Edges.ToDictionary(edge => graph.EdgeName(edge));

        var circuits = Golden.Json("eval_f64.json")["circuits"]!.AsArray();
        Assert.NotEmpty(circuits);
        foreach (var golden in circuits)
        {
            var pruned = golden!["pruned_away"]!.AsArray().Select(name => (string)name!).ToHashSet();
            var kept = golden["selected_edges"]!.AsArray().Select(name => (string)name!).Where(name => !pruned.Contains(name));
            var circuit = new Circuit(graph, kept.Select(name => edgeOfName[name]));
            Assert.Equal((int)golden["n_edges_after_prune"]!, circuit.EdgeCount);

            var results = golden["results"]![$"{dataset}__{intervention}"]!;
            var differences = Golden.Numbers(results["logit_diff"]!);
            var divergences = Golden.Numbers(results["kl"]!);
            for (var i = 0; i < examples.Length; i++)
            {
                var logits = LiteralCircuit.Run(model, examples[i], (u, v) => circuit.Contains(model.Graph.Edge(new(u), new(v))), ablated[i]).LastLogits;
                Assert.Equal(differences[i], LiteralMetric.Evaluate(OracleMetric.LogitDiff, logits, examples[i], clean[i]), 1e-12);
                Assert.Equal(divergences[i], LiteralMetric.Evaluate(OracleMetric.Kl, logits, examples[i], clean[i]), 1e-12);
            }
        }
    }

    [SharedDataTheory(Golden.Folder)]
    [InlineData("eq")]
    [InlineData("pad")]
    public void Baselines(string dataset)
    {
        using var weights = Golden.Model();
        var examples = Golden.Examples(dataset);
        var empty = Circuit.Empty(new LiteralModel(weights).Graph);
        var baseline = Golden.Json("eval_f64.json")["baseline"]!;

        var (_, clean, corrupted) = OracleRun.Circuit(weights, examples, empty);
        AssertClose(Golden.Numbers(baseline[dataset + "__logit_diff"]!["clean"]!), clean);
        AssertClose(Golden.Numbers(baseline[dataset + "__logit_diff"]!["corrupted"]!), corrupted);

        // Under KL the library compares the clean with the corrupted run for both baselines, in either direction. Ours compares with
        // the clean run always: zero for the clean run itself, the library's "corrupted" for the corrupted run.
        (_, clean, corrupted) = OracleRun.Circuit(weights, examples, empty, OracleMetric.Kl);
        Assert.All(clean, kl => Assert.Equal(0, kl));
        AssertClose(Golden.Numbers(baseline[dataset + "__kl"]!["corrupted"]!), corrupted);
        var turned = examples.Select(e => e with { Clean = e.Corrupted, Corrupted = e.Clean }).ToArray();
        (_, _, corrupted) = OracleRun.Circuit(weights, turned, empty, OracleMetric.Kl);
        AssertClose(Golden.Numbers(baseline[dataset + "__kl"]!["clean"]!), corrupted);
    }

    private static void AssertClose(double[] expected, double[] actual)
    {
        for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 1e-12);
    }
}
