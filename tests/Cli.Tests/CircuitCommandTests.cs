using System.Text.Json;
using Xunit;

namespace Faith.Cli.Tests;

public sealed class CircuitCommandTests : CliTest
{
    // One layer of one head: eight edges, of which the best four are input→m0, m0→logits, a0.h0→logits and input→a0.h0<v>.
    private const string Scores = """
        {"cfg": {"n_layers": 1, "n_heads": 1, "parallel_attn_mlp": false, "d_model": 8},
         "nodes": {"input": {"in_graph": true}, "a0.h0": {"in_graph": true}, "m0": {"in_graph": true}, "logits": {"in_graph": true}},
         "edges": {"input->a0.h0<q>": {"score": 0.1, "in_graph": true}, "input->a0.h0<k>": {"score": -0.2, "in_graph": true},
          "input->a0.h0<v>": {"score": -3.0, "in_graph": true}, "input->m0": {"score": 5.0, "in_graph": true}, "a0.h0->m0": {"score": 0.4, "in_graph": true},
          "input->logits": {"score": 0.3, "in_graph": true}, "a0.h0->logits": {"score": 2.0, "in_graph": true}, "m0->logits": {"score": 4.0, "in_graph": true}}}
        """;

    // The same graph, two neurons a node.
    private const string Neurons = """
        {"cfg": {"n_layers": 1, "n_heads": 1, "parallel_attn_mlp": false, "d_model": 2},
         "nodes": {"input": {"score": 1, "neurons_scores": [1.0, 0.5]}, "a0.h0": {"score": 0, "neurons_scores": [0.0, 0.1]}, "m0": {"score": -2, "neurons_scores": [-3.0, 0.2]}, "logits": {}},
         "edges": {"input->a0.h0<q>": {}, "input->a0.h0<k>": {}, "input->a0.h0<v>": {}, "input->m0": {}, "a0.h0->m0": {}, "input->logits": {}, "a0.h0->logits": {}, "m0->logits": {}}}
        """;

    [Theory]
    [InlineData("input 10 m0 10", "--neurons", "2")]
    [InlineData("input 10 m0 10", "--level", "neuron", "--neurons", "2")]
    [InlineData("input 11 m0 01", "--neurons", "3", "--signed")]
    [InlineData("input 11 m0 10", "--level", "neuron", "--threshold", "0.5")]
    [InlineData("input m0", "--level", "node", "--threshold", "2")]
    [InlineData("input m0", "--nodes", "1")]
    public void Selects_nodes_and_neurons(string expected, params string[] selection)
    {
        Done(["circuit", "--scores", Write("n.json", Neurons), "--out", At("c.json"), .. selection]);
        var file = JsonDocument.Parse(File.ReadAllText(At("c.json"))).RootElement;
        var nodes = file.GetProperty("nodes").EnumerateObject().Where(n => n.Name != "logits" && n.Value.GetProperty("in_graph").GetBoolean()).Select(n =>
            n.Value.TryGetProperty("neurons", out var kept) ? $"{n.Name} {string.Concat(kept.EnumerateArray().Select(k => k.GetBoolean() ? '1' : '0'))}" : n.Name);
        Assert.Equal(expected, string.Join(' ', nodes));
        Assert.Equal(["input->m0", "input->logits", "m0->logits"], file.GetProperty("edges").EnumerateObject().Where(e => e.Value.GetProperty("in_graph").GetBoolean()).Select(e => e.Name));
    }

    [Theory]
    [InlineData("input->a0.h0<v>,input->m0,a0.h0->logits,m0->logits", "--edges", "4")]
    [InlineData("input->a0.h0<v>,input->m0,a0.h0->logits,m0->logits", "--threshold", "2")]
    [InlineData("input->m0,m0->logits", "--edges", "2", "--signed")]
    [InlineData("input->m0,m0->logits", "--edges", "2", "--select", "greedy")]
    [InlineData("", "--edges", "0")]
    public void Selects_and_prunes(string expected, params string[] selection)
    {
        var scores = Write("scores.json", Scores);
        var output = Done(["circuit", "--scores", scores, "--out", At("c.json"), .. selection]);
        var edges = JsonDocument.Parse(File.ReadAllText(At("c.json"))).RootElement.GetProperty("edges").EnumerateObject();
        var inside = edges.Where(e => e.Value.GetProperty("in_graph").GetBoolean()).Select(e => e.Name).ToHashSet();
        Assert.Equal(expected.Split(',', StringSplitOptions.RemoveEmptyEntries).ToHashSet(), inside);
        Assert.Contains($"{inside.Count} of 8 edges", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_circuit_keeps_its_scores_and_says_how_it_was_selected()
    {
        var scores = Write("scores.json", Scores);
        Done("circuit", "--scores", scores, "--out", At("c.json"), "--edges", "4");
        Assert.Contains("\"select\"", File.ReadAllText(At("c.json")), StringComparison.Ordinal);
        Done("circuit", "--scores", At("c.json"), "--out", At("d.json"), "--edges", "4");
        Assert.Equal(File.ReadAllText(At("c.json")), File.ReadAllText(At("d.json")));
    }

    [Fact]
    public void Bad_arguments_are_refused()
    {
        var scores = Write("scores.json", Scores);
        Refused("give one of --edges N, --nodes N, --neurons N and --threshold X", "circuit", "--scores", scores, "--out", At("c.json"));
        Refused("give one of --edges N, --nodes N, --neurons N and --threshold X", "circuit", "--scores", scores, "--out", At("c.json"), "--edges", "2", "--threshold", "1");
        Refused("the nodes have no scores to select by; faith attribute --level node gives them", "circuit", "--scores", scores, "--out", At("c.json"), "--nodes", "1");
        Refused("--nodes 3: the graph of", "circuit", "--scores", Write("n.json", Neurons), "--out", At("c.json"), "--nodes", "3");
        Refused("--neurons 7: the graph of", "circuit", "--scores", At("n.json"), "--out", At("c.json"), "--neurons", "7");
        Refused("the neurons have no scores to select by; faith attribute --level neuron gives them", "circuit", "--scores", scores, "--out", At("c.json"), "--neurons", "1");
        Refused("--edges selects edges; leave --level neuron out", "circuit", "--scores", scores, "--out", At("c.json"), "--edges", "1", "--level", "neuron");
        Refused("--level layer is not known; known: edge, node, neuron", "circuit", "--scores", scores, "--out", At("c.json"), "--edges", "1", "--level", "layer");
        Refused("--select needs --edges", "circuit", "--scores", scores, "--out", At("c.json"), "--threshold", "1", "--select", "greedy");
        Refused("--edges must be a whole number of 0 or more, not -3", "circuit", "--scores", scores, "--out", At("c.json"), "--edges", "-3");
        Refused("--edges must be a whole number of 0 or more, not 2.5", "circuit", "--scores", scores, "--out", At("c.json"), "--edges", "2.5");
        Refused("--edges 9: the graph of", "circuit", "--scores", scores, "--out", At("c.json"), "--edges", "9");
        Refused("--threshold must be a number, not NaN", "circuit", "--scores", scores, "--out", At("c.json"), "--threshold", "NaN");
        Refused("--select best is not known; known: top, greedy", "circuit", "--scores", scores, "--out", At("c.json"), "--edges", "2", "--select", "best");
    }

    [Fact]
    public void Bad_files_are_refused()
    {
        Refused($"{At("s.json")}: there is no such file", "circuit", "--scores", At("s.json"), "--out", At("c.json"), "--edges", "2");
        Write("s.json", Scores.Replace("5.0", "oops", StringComparison.Ordinal));
        Refused(At("s.json"), "circuit", "--scores", At("s.json"), "--out", At("c.json"), "--edges", "2");
        Write("s.json", Scores.Replace("\"score\": ", "\"other\": ", StringComparison.Ordinal));
        Refused("the edges have no scores to select by", "circuit", "--scores", At("s.json"), "--out", At("c.json"), "--edges", "2");
        Refused($"{At("none/c.json")}: the folder does not exist", "circuit", "--scores", At("s.json"), "--out", At("none/c.json"), "--edges", "2");
        Refused($"{Folder}: is a folder", "circuit", "--scores", At("s.json"), "--out", Folder, "--edges", "2");
        File.CreateSymbolicLink(At("link.json"), At("not there.json"));
        Refused($"{At("link.json")}: is a link to a file that is not there", "circuit", "--scores", At("s.json"), "--out", At("link.json"), "--edges", "2");
        Refused("--out was given an empty name", "circuit", "--scores", At("s.json"), "--out", "", "--edges", "2");
    }
}
