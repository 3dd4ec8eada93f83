using System.Text.Json;
using System.Text.Json.Nodes;
using System.Xml.Linq;
using Xunit;

namespace Faith.Cli.Tests;

/// <summary>Scores and circuits by span from the first command to the last.</summary>
public sealed class PositionCommandTests : CliTest
{
    private const string Data = """
        {"clean": [1, 2, 3, 4], "corrupted": [1, 5, 3, 4], "answers": [6], "distractors": [7], "spans": {"who": [1, 2], "\"<b>": [3, 4]}}
        {"clean": [1, 8, 9, 4, 2], "corrupted": [1, 8, 3, 4, 2], "answers": [10, 11], "distractors": [12], "spans": {"who": [1, 3], "\"<b>": [4, 5]}}
        """;

    private readonly string model;
    private readonly string data;

    public PositionCommandTests() => (model, data) = (TinyModel.WriteLlama(At("model"), 1), Write("d.jsonl", Data));

    [Fact]
    public void Spans_go_from_data_to_scores_circuits_curves_and_pictures()
    {
        var output = Done("attribute", "--model", model, "--data", data, "--positions", "spans", "--method", "eap-ig", "--steps", "2", "--out", At("s.json"), "--json", At("run.json"));
        Assert.Contains("over the spans who, \"<b>, rest scored with eap-ig", output, StringComparison.Ordinal);
        var scores = JsonNode.Parse(File.ReadAllText(At("s.json")))!;
        Assert.Equal(["who", "\"<b>", "rest"], scores["spans"]!.AsArray().Select(name => (string)name!));
        Assert.Equal("spans", (string)scores["run"]!["options"]!["positions"]!);
        var edges = scores["edges"]!.AsObject();
        Done("attribute", "--model", model, "--data", data, "--method", "eap-ig", "--steps", "2", "--out", At("ordinary.json"));
        var ordinary = JsonNode.Parse(File.ReadAllText(At("ordinary.json")))!["edges"]!.AsObject();
        // Two layers of four heads: an edge a span, and keys and values of eight heads between six pairs of spans.
        Assert.Equal(3 * ordinary.Count + 6 * 2 * 8, edges.Count);
        foreach (var (name, entry) in ordinary)
        {
            var arrow = name.IndexOf("->", StringComparison.Ordinal);
            var sum = ((string[])["who", "\"<b>", "rest"]).Sum(span => (double)edges[$"{name[..arrow]}@{span}->{name[(arrow + 2)..]}@{span}"]!["score"]!);
            Assert.Equal((double)entry!["score"]!, sum, 1e-6);
        }
        Assert.True((double)edges["a0.h0<v>@who->a0.h0@\"<b>"]!["score"]! != 0);
        Assert.Equal(edges.Count, JsonNode.Parse(File.ReadAllText(At("run.json")))!["standard_errors"]!.AsObject().Count);

        foreach (var select in (string[])["top", "greedy"]) Done("circuit", "--scores", At("s.json"), "--edges", "60", "--select", select, "--out", At("c.json"));
        Done("circuit", "--scores", At("s.json"), "--threshold", "1e9", "--out", At("none.json"));
        Done("circuit", "--scores", At("s.json"), "--edges", $"{edges.Count}", "--out", At("all.json"));
        foreach (var (circuit, same) in new[] { ("none.json", "corrupted"), ("all.json", "clean") })
        {
            Done("evaluate", "--model", model, "--data", data, "--circuit", At(circuit), "--json", At("r.json"));
            var result = JsonNode.Parse(File.ReadAllText(At("r.json")))!;
            Assert.Equal(result[same]!.ToJsonString(), result["circuit"]!.ToJsonString());
        }
        Done("evaluate", "--model", model, "--data", data, "--circuit", At("c.json"), "--necessity", "--json", At("r.json"));
        Assert.Contains("logits@\"<b>", JsonNode.Parse(File.ReadAllText(At("r.json")))!["nodes"]!.AsArray().Select(node => (string)node!));
        Done("curve", "--model", model, "--data", data, "--scores", At("s.json"), "--edges", "20,80", "--out", At("curve.csv"), "--plot", At("curve.pdf"));
        Assert.Equal(3, File.ReadLines(At("curve.csv")).Count());

        foreach (var extension in (string[])["svg", "pdf", "html", "dot"]) Done("draw", At("c.json"), "--out", At($"c.{extension}"));
        var svg = XDocument.Parse(File.ReadAllText(At("c.svg")));
        var columns = svg.Descendants().Where(e => (string?)e.Attribute("class") == "span").ToArray();
        Assert.InRange(columns.Length, 2, 3);
        Assert.All(columns.Zip(columns.Skip(1)), pair => Assert.True((double)pair.First.Attribute("x")! + (double)pair.First.Attribute("width")! < (double)pair.Second.Attribute("x")!));
        var drawn = svg.Descendants().Where(e => (string?)e.Attribute("class") == "e").ToArray();
        var members = JsonNode.Parse(File.ReadAllText(At("c.json")))!["edges"]!.AsObject().Where(edge => (bool)edge.Value!["in_graph"]!).Select(edge => edge.Key).ToArray();
        Assert.Equal(members.Order(StringComparer.Ordinal), drawn.Select(e => e.Value.Split("score")[0].Trim()).Order(StringComparer.Ordinal));
        Assert.Contains("&quot;&lt;b&gt;", File.ReadAllText(At("c.html")), StringComparison.Ordinal);
        Assert.Contains("subgraph cluster_", File.ReadAllText(At("c.dot")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("eap-qkfix")]
    [InlineData("eap-graddrop")]
    [InlineData("eap-ig", "--steps", "auto")]
    public void Every_method_with_gradients_tells_positions_apart(string method, params string[] options)
    {
        Done(["attribute", "--model", model, "--data", data, "--positions", "spans", "--method", method, "--out", At("s.json"), .. options]);
        Done("circuit", "--scores", At("s.json"), "--edges", "40", "--out", At("c.json"));
        Assert.Contains("faithfulness", Done("evaluate", "--model", model, "--data", data, "--circuit", At("c.json")), StringComparison.Ordinal);
    }

    [Fact]
    public void Nodes_at_spans_are_scored_selected_and_measured()
    {
        var output = Done("attribute", "--model", model, "--data", data, "--positions", "spans", "--level", "node", "--method", "eap", "--out", At("s.json"));
        Assert.Matches("(?m)^(input|a[01]\\.h[0-3]|m[01])@(who|rest|\"<b>) ", output);
        var scores = JsonNode.Parse(File.ReadAllText(At("s.json")))!;
        foreach (var span in (string[])["who", "rest"])
        {
            var sum = scores["edges"]!.AsObject().Where(edge => edge.Key.StartsWith($"m0@{span}->", StringComparison.Ordinal)).Sum(edge => (double)edge.Value!["score"]!);
            Assert.Equal(sum, (double)scores["nodes"]![$"m0@{span}"]!["score"]!, 1e-6);
        }
        // Eight heads and two MLPs at each of three spans.
        Done("circuit", "--scores", At("s.json"), "--nodes", "7", "--out", At("c.json"));
        var circuit = JsonNode.Parse(File.ReadAllText(At("c.json")))!;
        // What is written to the stream comes from these alone; keys and values may be read at other spans.
        var writing = circuit["edges"]!.AsObject().Where(edge => (bool)edge.Value!["in_graph"]!).Select(edge => edge.Key[..edge.Key.IndexOf("->", StringComparison.Ordinal)]).Where(source => !source.Contains('<', StringComparison.Ordinal) && !source.StartsWith("input", StringComparison.Ordinal)).Distinct().ToArray();
        Assert.InRange(writing.Length, 1, 7);
        var ranked = scores["nodes"]!.AsObject().Where(node => node.Key[0] is 'a' or 'm').OrderByDescending(node => Math.Abs((double)node.Value!["score"]!)).Select(node => node.Key).Take(7);
        Assert.Subset(ranked.ToHashSet(), writing.ToHashSet());
        Assert.Equal("7", (string)circuit["run"]!["options"]!["nodes"]!);
        Done("circuit", "--scores", At("c.json"), "--level", "node", "--threshold", "0", "--out", At("all.json"));
        Done("evaluate", "--model", model, "--data", data, "--circuit", At("all.json"), "--json", At("r.json"));
        Assert.Equal(JsonNode.Parse(File.ReadAllText(At("r.json")))!["clean"]!.ToJsonString(), JsonNode.Parse(File.ReadAllText(At("r.json")))!["circuit"]!.ToJsonString());
        Done("curve", "--model", model, "--data", data, "--scores", At("s.json"), "--nodes", "5,30", "--out", At("curve.csv"));
        Assert.Equal(3, File.ReadLines(At("curve.csv")).Count());
        Refused("--nodes 31: the graph of", "circuit", "--scores", At("s.json"), "--nodes", "31", "--out", At("x.json"));
        Refused("--nodes 31: the graph of", "curve", "--model", model, "--data", data, "--scores", At("s.json"), "--nodes", "31", "--out", At("x.csv"));
        foreach (var (from, to, expected) in new[]
        {
            ("\"m0@who\": {\"score\": ", "\"m0@who\": {\"old\": ", "nodes: has scores for 32 of 33 nodes; all or none should have one"),
            ("\"m0@who\": {\"score\": ", "\"m7@who\": {\"score\": ", "\"m7@who\" is not a node of a model of 2 layers and 4 heads at one of the spans"),
            ("\"m0@who\": {\"score\": ", "\"m0@who\": {\"score\": 1, \"score\": ", "given twice"),
        })
        {
            Refused(expected, "circuit", "--scores", Write("bad.json", File.ReadAllText(At("s.json")).Replace(from, to, StringComparison.Ordinal)), "--nodes", "3", "--out", At("x.json"));
        }
    }

    [Fact]
    public void Tokens_are_their_numbers()
    {
        var line = """{"clean": [1, 2, 3], "corrupted": [1, 5, 3], "answers": [6], "distractors": [7]}""";
        var equal = Write("equal.jsonl", line + "\n" + line.Replace("[6]", "[8]", StringComparison.Ordinal));
        Done("attribute", "--model", model, "--data", equal, "--positions", "tokens", "--method", "eap", "--out", At("s.json"));
        var scores = JsonNode.Parse(File.ReadAllText(At("s.json")))!;
        Assert.Equal(["0", "1", "2"], scores["spans"]!.AsArray().Select(name => (string)name!));
        Assert.NotNull(scores["edges"]!["a1.h0<k>@1->a1.h0@2"]);
        Assert.Null(scores["edges"]!["a1.h0<k>@2->a1.h0@1"]);
        Done("circuit", "--scores", At("s.json"), "--edges", "50", "--out", At("c.json"));
        Done("evaluate", "--model", model, "--data", equal, "--circuit", At("c.json"));
        Refused("line 2: the prompt has 5 tokens and the first one 4; --positions tokens needs prompts of one length", "attribute", "--model", model, "--data", data, "--positions", "tokens", "--out", At("t.json"));
        // Others of the file may be longer.
        Done("attribute", "--model", model, "--data", data, "--examples", "1", "--positions", "tokens", "--out", At("one.json"));
        Refused("example 1 has tokens of the span \"3\", which is none of those that were scored: 0, 1, 2", "evaluate", "--model", model, "--data", Write("long.jsonl", """{"clean": [1, 2, 3, 4], "corrupted": [1, 5, 3, 4], "answers": [6], "distractors": [7]}"""), "--circuit", At("c.json"));
    }

    [Fact]
    public void What_cannot_be_done_is_said_in_a_line()
    {
        string[] attribute = ["attribute", "--model", model, "--data", data, "--positions", "spans", "--out", At("x.json")];
        Refused("exact does not tell positions apart", [.. attribute, "--method", "exact"]);
        Refused("--positions scores edges and nodes; take --level edge or node", [.. attribute, "--level", "neuron"]);
        Refused("--compat paper tells no positions apart", [.. attribute, "--compat", "paper"]);
        Refused("--positions spam is not known", "attribute", "--model", model, "--data", data, "--positions", "spam", "--out", At("x.json"));
        Refused("\"spans\" is missing, which --positions spans needs", "attribute", "--model", model, "--data", Write("bare.jsonl", """{"clean": [1, 2], "corrupted": [1, 3], "answers": [6], "distractors": [7]}"""), "--positions", "spans", "--out", At("x.json"));
        Done("attribute", "--model", model, "--data", data, "--positions", "spans", "--method", "eap", "--out", At("s.json"));
        const string Elsewhere = "holds scores by span (faith attribute --positions), which this command does not take";
        Refused(Elsewhere, "combine", At("s.json"), At("s.json"), "--out", At("x.json"));
        Refused(Elsewhere, "compare", At("s.json"), At("s.json"));
        Refused(Elsewhere, "check-circuit", "--model", model, "--data", data, "--circuit", At("s.json"));
        Refused(Elsewhere, "report", At("s.json"), "--out", At("x.html"));
        Refused(Elsewhere, "mib", "auroc", "--scores", At("s.json"), "--reference", At("s.json"));
        Refused("holds scores of which no circuit has been selected", "evaluate", "--model", model, "--data", data, "--circuit", At("s.json"));
        Refused("holds scores of which no circuit has been selected", "draw", At("s.json"), "--out", At("x.svg"));
        Refused("which are of edges and nodes; leave --level neuron and numbers of neurons out", "circuit", "--scores", At("s.json"), "--neurons", "3", "--out", At("x.json"));
        Refused("the nodes have no scores to select by; faith attribute --positions --level node gives them", "circuit", "--scores", At("s.json"), "--nodes", "3", "--out", At("x.json"));
        Refused("--select ratio", "circuit", "--scores", At("s.json"), "--edges", "3", "--select", "ratio", "--out", At("x.json"));
        Refused("has only ", "circuit", "--scores", At("s.json"), "--edges", "99999", "--out", At("x.json"));
        Done("circuit", "--scores", At("s.json"), "--edges", "50", "--out", At("c.json"));
        Refused("which --positions spans needs", "evaluate", "--model", model, "--data", At("bare.jsonl"), "--circuit", At("c.json"));
    }

    [Theory]
    [InlineData("\"spans\": [\"who\"", "\"spans\": [7, \"who\"", "spans: should hold only names")]
    [InlineData("\"spans\": [\"who\"", "\"spans\": [\"who\", \"who\"", "spans: lists \"who\" twice")]
    [InlineData("\"spans\": [\"who\"", "\"spans\": [\"w\u202eo\"", "spans: the name \"w\\u202eo\" holds @")]
    [InlineData("input@who->m0@who\": {\"score\": ", "input@who->m0@who\": {\"score\": 1, \"score\": ", "score: given twice")]
    [InlineData("\"spans\": [\"who\"", "\"spans\": [\"5\"", "spans: the name \"5\" is a number")]
    [InlineData("\"spans\": [\"who\"", "\"spans\": [\"w@o\"", "spans: the name \"w@o\" holds @")]
    [InlineData("input@who->m0@who\": {\"score\": ", "input@who->m0@rest\": {\"score\": ", "\"input@who->m0@rest\" is not an edge of a model of 2 layers and 4 heads over the spans who, ")]
    public void Damaged_files_are_refused(string from, string to, string expected)
    {
        Done("attribute", "--model", model, "--data", data, "--positions", "spans", "--method", "eap", "--out", At("s.json"));
        var content = File.ReadAllText(At("s.json"));
        Assert.Contains(from, content, StringComparison.Ordinal);
        Refused(expected, "circuit", "--scores", Write("bad.json", content.Replace(from, to, StringComparison.Ordinal)), "--edges", "3", "--out", At("x.json"));
    }

    [Fact]
    public void Files_are_read_as_they_were_written()
    {
        Done("attribute", "--model", model, "--data", data, "--positions", "spans", "--method", "eap", "--out", At("s.json"));
        // Keys in another order, as another program would write them.
        var file = JsonNode.Parse(File.ReadAllText(At("s.json")))!.AsObject();
        var turned = new JsonObject(file.Reverse().Select(entry => KeyValuePair.Create(entry.Key, entry.Value?.DeepClone())));
        Write("t.json", turned.ToJsonString(new JsonSerializerOptions { WriteIndented = true }));
        foreach (var name in (string[])["s", "t"]) Done("circuit", "--scores", At($"{name}.json"), "--edges", "40", "--out", At($"{name}.circuit.json"));
        Assert.Equal(File.ReadAllText(At("s.circuit.json")), File.ReadAllText(At("t.circuit.json")));
        Assert.Equal(file["edges"]!.AsObject().Select(e => (double)e.Value!["score"]!), JsonNode.Parse(File.ReadAllText(At("s.circuit.json")))!["edges"]!.AsObject().Select(e => (double)e.Value!["score"]!));
    }
}
