using System.Text.Json;
using Faith.Engine.Circuits;
using Faith.Engine.ScoreFiles;
using Xunit;

namespace Faith.Engine.Tests.Circuits;

/// <summary>Selections of the reference library on a tiny random model.</summary>
public sealed class GoldenSelectionTests
{
    private const string Goldens = "goldens/gpt2-tiny-random/eval_f64.json";

    [SharedDataFact(Goldens)]
    public void SameEdgesSelectedAndPruned()
    {
        var path = SharedData.Find(Goldens)!;
        using var json = JsonDocument.Parse(File.ReadAllBytes(path));
        var cases = 0;
        foreach (var golden in json.RootElement.GetProperty("circuits").EnumerateArray())
        {
            var scores = ScoreFile.Read(Path.Combine(Path.GetDirectoryName(path)!, "scores", golden.GetProperty("scores").GetString()!)).Scores!;
            var select = SelectionMethods.Named(golden.GetProperty("select").GetString()!.StartsWith("greedy", StringComparison.Ordinal) ? "greedy" : "top");
            var n = golden.GetProperty("n").GetInt32();
            var signed = !golden.GetProperty("absolute").GetBoolean();

            var selected = Small.Names(select(scores, n, signed, prune: false));
            Assert.Equal(Strings(golden, "selected_edges"), selected);

            var pruned = select(scores, n, signed);
            Assert.Equal(golden.GetProperty("n_edges_after_prune").GetInt32(), pruned.EdgeCount);
            Assert.Equal(Strings(golden, "pruned_away"), selected.Except(Small.Names(pruned)).Order(StringComparer.Ordinal));
            var inside = pruned.NodesInCircuit();
            Assert.Equal(Strings(golden, "nodes_after_prune"), Enumerable.Range(0, inside.Length).Where(i => inside[i]).Select(i => pruned.Graph.NodeName(new(i))).Order(StringComparer.Ordinal));
            cases++;
        }
        Assert.Equal(36, cases);
    }

    private static string[] Strings(JsonElement golden, string name) =>
        [.. golden.GetProperty(name).EnumerateArray().Select(e => e.GetString()!).Order(StringComparer.Ordinal)];
}
