using System.Globalization;
using System.Text.Json;
using Xunit;

namespace Faith.Cli.Tests;

/// <summary>Circuits from lists of edges, scores out of several files, and selections with settings.</summary>
public sealed class CircuitListTests : CliTest
{
    private readonly string model;
    private readonly string data;

    public CircuitListTests()
    {
        model = TinyModel.Write(At("model"));
        data = Write("d.jsonl", """{"clean": [1, 2, 3, 4], "corrupted": [1, 5, 3, 4], "answers": [6], "distractors": [7]}""");
    }

    [Fact]
    public void A_list_of_edges_becomes_a_circuit()
    {
        // Two layers of two heads: m* is m0 and m1, a.h1 is a head of either layer, a head without its input all three of them.
        var list = Write("edges.txt", "# the best\ninput->a0.h0<q>\n\n  m*->logits # both\na.h1->logits\ninput->a1.h0\na0.*->m1\r\n*->m0\n");
        var (code, output, _) = Run("circuit", "--from", list, "--model", model, "--out", At("c.json"));
        Assert.Equal(0, code);
        string[] expected = ["input->a0.h0<q>", "m0->logits", "m1->logits", "a0.h1->logits", "a1.h1->logits", "input->a1.h0<q>", "input->a1.h0<k>", "input->a1.h0<v>", "a0.h0->m1", "a0.h1->m1", "input->m0", "a0.h0->m0", "a0.h1->m0"];
        Assert.Equal(expected.Order(StringComparer.Ordinal), Members("c.json").Order(StringComparer.Ordinal));
        Assert.Contains($"{expected.Length} of ", output, StringComparison.Ordinal);
        Done("evaluate", "--model", model, "--data", data, "--circuit", At("c.json"));
    }

    [Fact]
    public void Everything_matched_is_the_clean_run()
    {
        Done("circuit", "--from", Write("edges.txt", "*->*"), "--model", model, "--out", At("c.json"));
        Done("evaluate", "--model", model, "--data", data, "--circuit", At("c.json"), "--json", At("r.json"));
        using var json = JsonDocument.Parse(File.ReadAllText(At("r.json")));
        Assert.Equal(json.RootElement.GetProperty("clean").GetRawText(), json.RootElement.GetProperty("circuit").GetRawText());
    }

    [Fact]
    public void What_names_no_edge_is_refused_with_its_line()
    {
        foreach (var (content, message) in new[] { ("input->m0\nm1->m0\n", "edges.txt, line 2: \"m1->m0\" is no edge"), ("m9->logits", "line 1: \"m9->logits\" is no edge of a model of 2 layers and 2 heads"), ("a0.h0", "line 1: "), (new string('*', 50_000) + "->logits", "line 1: "), (string.Concat(Enumerable.Repeat("m*->logits\n", 10_001)), "line 10001: has more than 10000"), ("# nothing", "names no edge"), ("{\"cfg\"", "is JSON") })
            Refused(message, "circuit", "--from", Write("edges.txt", content), "--model", model, "--out", At("c.json"));
        Refused("--from and --model go together", "circuit", "--from", Write("edges.txt", "m0->logits"), "--out", At("c.json"));
        Refused("give either --scores FILE or --from FILE", "circuit", "--edges", "3", "--out", At("c.json"));
        Refused("leave --edges out", "circuit", "--from", At("edges.txt"), "--model", model, "--edges", "3", "--out", At("c.json"));
    }

    [Fact]
    public void Edges_that_lead_nowhere_are_noted()
    {
        var (code, _, error) = Run("circuit", "--from", Write("edges.txt", "m0->logits\ninput->m1"), "--model", model, "--out", At("c.json"));
        Assert.Equal(0, code);
        Assert.Contains("2 of these edges lead nowhere", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Scores_are_combined_by_size_by_rank_and_by_the_largest()
    {
        WriteScores("a.json", ("input->m0", 4), ("m0->logits", -2), ("input->logits", 1));
        WriteScores("b.json", ("input->m0", -1), ("m0->logits", -10));
        Done("combine", At("a.json"), At("b.json"), "--out", At("mean.json"));
        Assert.Equal(((1 - 0.1) / 2, (-0.5 - 1) / 2, 0.125), Three("mean.json"));
        Done("combine", At("a.json"), At("b.json"), "--by", "max", "--out", At("max.json"));
        Assert.Equal((1, -1, 0.25), Three("max.json"));
        Done("combine", At("a.json"), At("b.json"), "--by", "rank", "--out", At("rank.json"));
        // Of E edges the best has rank E, the second E − 1.
        var edges = Scores("rank.json").Count;
        var (first, second, third) = Three("rank.json");
        Assert.Equal((1.0 - (edges - 1.0) / edges) / 2, first, 12);
        Assert.Equal(-((edges - 1.0) / edges + 1.0) / 2, second, 12);
        Assert.Equal((edges - 2.0) / edges / 2, third, 12);
        Done("circuit", "--scores", At("mean.json"), "--edges", "2", "--out", At("c.json"));
        Refused("one file only", "combine", At("a.json"), "--out", At("x.json"));
        WriteScores("zero.json");
        Refused("zero.json: all of its scores are zero", "combine", At("a.json"), At("zero.json"), "--out", At("x.json"));

        (double, double, double) Three(string name) => (Scores(name)["input->m0"], Scores(name)["m0->logits"], Scores(name)["input->logits"]);
    }

    [Fact]
    public void A_share_of_the_selected_edges_is_negative()
    {
        Done("attribute", "--model", model, "--data", data, "--out", At("s.json"));
        var scores = Scores("s.json");
        Done("curve", "--model", model, "--data", data, "--scores", At("s.json"), "--edges", "10,20", "--select", "ratio", "--negative", "0.5", "--out", At("c.csv"));
        Done("circuit", "--scores", At("s.json"), "--edges", "10", "--select", "ratio", "--negative", "0.3", "--out", At("c.json"));
        // Before pruning three of the ten are below zero; what is left are some of these ten.
        string[] chosen = [.. scores.OrderBy(s => s.Value).Take(3).Select(s => s.Key), .. scores.OrderByDescending(s => s.Value).Take(7).Select(s => s.Key)];
        Assert.Subset(chosen.ToHashSet(), Members("c.json").ToHashSet());
        Refused("--negative needs --select ratio", "circuit", "--scores", At("s.json"), "--edges", "10", "--negative", "0.3", "--out", At("d.json"));
    }

    [Fact]
    public void Edges_whose_sign_is_certain_are_selected_by_their_intervals()
    {
        Done("attribute", "--model", "tasks-4l", "--data", "ioi", "--examples", "8", "--method", "eap", "--out", At("s.json"));
        Done("stability", "--model", "tasks-4l", "--data", "ioi", "--examples", "8", "--method", "eap", "--edges", "60", "--resamples", "30", "--random", "0", "--shuffles", "0", "--json", At("i.json"));
        using var json = JsonDocument.Parse(File.ReadAllText(At("i.json")));
        var uncertain = json.RootElement.GetProperty("edges").EnumerateArray().Where(edge => edge.GetProperty("interval").GetProperty("low").GetDouble() <= 0 && edge.GetProperty("interval").GetProperty("high").GetDouble() >= 0)
            .Select(edge => edge.GetProperty("edge").GetString()!).ToHashSet();
        Assert.NotEmpty(uncertain);
        Done("circuit", "--scores", At("s.json"), "--edges", "20", "--select", "stable", "--intervals", At("i.json"), "--out", At("c.json"));
        Assert.NotEmpty(Members("c.json"));
        Assert.Empty(Members("c.json").Intersect(uncertain));
        // A curve selects the same circuit.
        string[] curve = ["curve", "--model", "tasks-4l", "--data", "ioi", "--examples", "8", "--scores", At("s.json"), "--edges", "20", "--out", At("c.csv")];
        Done([.. curve, "--select", "stable", "--intervals", At("i.json")]);
        Assert.StartsWith($"20,{Members("c.json").Count()},", File.ReadAllLines(At("c.csv"))[1], StringComparison.Ordinal);
        Done("evaluate", "--model", "tasks-4l", "--data", "ioi", "--examples", "8", "--circuit", At("c.json"), "--json", At("r.json"));
        using var evaluated = JsonDocument.Parse(File.ReadAllText(At("r.json")));
        Assert.Contains($",{evaluated.RootElement.GetProperty("circuit").GetProperty("mean").GetRawText()},", File.ReadAllLines(At("c.csv"))[1], StringComparison.Ordinal);
        File.Delete(At("c.csv"));
        Refused("holds no intervals of its edges; faith stability", [.. curve, "--select", "stable"]);
        Refused("--intervals needs --select stable", [.. curve, "--intervals", At("i.json")]);
        Refused("--negative needs --select ratio", [.. curve, "--negative", "0.1"]);
        Refused("holds no intervals of its edges; faith stability", "circuit", "--scores", At("s.json"), "--edges", "20", "--select", "stable", "--out", At("d.json"));
        Refused("holds no intervals of edges; faith stability --json s.json writes them", "circuit", "--scores", At("s.json"), "--edges", "20", "--select", "stable", "--intervals", At("s.json"), "--out", At("d.json"));
        Refused("--intervals needs --select stable", "circuit", "--scores", At("s.json"), "--edges", "20", "--intervals", At("i.json"), "--out", At("d.json"));
    }

    private IEnumerable<string> Members(string name)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(At(name)));
        return [.. json.RootElement.GetProperty("edges").EnumerateObject().Where(edge => edge.Value.GetProperty("in_graph").GetBoolean()).Select(edge => edge.Name)];
    }

    private Dictionary<string, double> Scores(string name)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(At(name)));
        return json.RootElement.GetProperty("edges").EnumerateObject().ToDictionary(edge => edge.Name, edge => edge.Value.GetProperty("score").GetDouble());
    }

    private void WriteScores(string name, params (string Edge, double Score)[] scores)
    {
        var edges = scores.Append(("input->m1", 0.0)).Select(s => string.Create(CultureInfo.InvariantCulture, $"\"{s.Item1}\": {{\"score\": {s.Item2}, \"in_graph\": false}}"));
        Write(name, $$"""{"cfg": {"n_layers": 2, "n_heads": 2, "parallel_attn_mlp": false, "d_model": 8}, "edges": { {{string.Join(", ", edges)}} } }""");
    }
}
