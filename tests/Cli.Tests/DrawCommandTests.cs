using Xunit;

namespace Faith.Cli.Tests;

public sealed class DrawCommandTests : CliTest
{
    internal const string Circuit = """
        {"cfg": {"n_layers": 1, "n_heads": 1, "parallel_attn_mlp": false, "d_model": 8},
         "nodes": {"input": true, "a0.h0": true, "m0": false, "logits": true},
         "edges": {"input->a0.h0<q>": {"score": 0.1, "in_graph": false}, "input->a0.h0<k>": {"score": -0.2, "in_graph": true},
          "input->a0.h0<v>": {"score": -3.0, "in_graph": true}, "input->m0": {"score": 5.0, "in_graph": false}, "a0.h0->m0": {"score": 0.4, "in_graph": false},
          "input->logits": {"score": 0.3, "in_graph": false}, "a0.h0->logits": {"score": 2.0, "in_graph": true}, "m0->logits": {"score": 4.0, "in_graph": false}}}
        """;

    [Theory]
    [InlineData("svg", "<svg")]
    [InlineData("pdf", "%PDF-1.7")]
    [InlineData("dot", "digraph")]
    [InlineData("html", "<!DOCTYPE html>")]
    public void Draws_what_the_extension_says(string extension, string start)
    {
        var output = Done("draw", Write("c.json", Circuit), "--out", At($"c.{extension}"));
        Assert.Contains("3 edges", output, StringComparison.Ordinal);
        Assert.Contains(start, File.ReadAllText(At($"c.{extension}")), StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("svg")]
    [InlineData("pdf")]
    [InlineData("dot")]
    [InlineData("html")]
    public void A_cancelled_drawing_leaves_nothing(string extension)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = FaithProgram.Run(["draw", Write("c.json", Circuit), "--out", At($"c.{extension}")], output, error, new CancellationToken(canceled: true));
        Assert.Equal((FaithProgram.Interrupted, "faith: cancelled; nothing was written"), (code, error.ToString().TrimEnd()));
        Assert.False(File.Exists(At($"c.{extension}")));
    }

    /// <summary>A run gives the same bytes again, and what a file says of itself stays text in the picture.</summary>
    [Fact]
    public void A_pdf_is_the_same_each_time_whatever_the_file_says()
    {
        var circuit = Write("c.json", Circuit.Replace("{\"cfg\"", "{\"run\": {\"model\": \") Tj\\nendstream α\", \"method\": \"eap\"}, \"cfg\"", StringComparison.Ordinal));
        foreach (var name in (string[])["a.pdf", "b.pdf"]) Done("draw", circuit, "--out", At(name));
        Assert.Equal(File.ReadAllBytes(At("a.pdf")), File.ReadAllBytes(At("b.pdf")));
        using var file = UglyToad.PdfPig.PdfDocument.Open(At("a.pdf"), new() { UseLenientParsing = false });
        var texts = file.GetPage(1).Letters.GroupBy(letter => letter.TextSequence).Select(letters => string.Concat(letters.Select(letter => letter.Value))).ToArray();
        Assert.Contains(texts, text => text.StartsWith(") Tj\\nendstream ?", StringComparison.Ordinal));
        Assert.Contains("a0.h0", texts);
    }

    [Fact]
    public void Bad_arguments_are_refused()
    {
        var circuit = Write("c.json", Circuit);
        Refused("c.png: a drawing is a file that ends in .svg, .pdf, .dot or .html", "draw", circuit, "--out", At("c.png"));
        Refused("no circuit has been selected", "draw", Write("e.json", Circuit.Replace("\"in_graph\": true", "\"in_graph\": false", StringComparison.Ordinal)), "--out", At("c.svg"));
        Refused("there is no such file", "draw", At("nowhere.json"), "--out", At("c.svg"));
        Refused("--out", "draw", circuit);
        Refused("see faith draw --help", "draw", "--out", At("c.svg"));
    }

    /// <summary>Another program may score what hinders with a plus: pictures, circuits and reports of its files say so.</summary>
    [Fact]
    public void Signs_that_look_reversed_are_said()
    {
        Done("attribute", "--model", "tasks-4l", "--data", "ioi", "--examples", "2", "--method", "eap", "--out", At("ours.json"));
        var file = System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(At("ours.json")))!;
        var strong = file["edges"]!.AsObject().OrderByDescending(edge => Math.Abs((double)edge.Value!["score"]!)).Select((edge, i) => (Entry: edge.Value!, Place: i)).ToArray();
        foreach (var (entry, place) in strong)
        {
            entry["in_graph"] = place < 20;
            entry["score"] = (place % 4 == 0 ? 1 : -1) * Math.Abs((double)entry["score"]!);
        }
        foreach (var node in file["nodes"]!.AsObject()) node.Value!["in_graph"] = true;
        // A file that says how it was made has our signs.
        File.WriteAllText(At("known.json"), file.ToJsonString());
        Done("circuit", "--scores", At("known.json"), "--edges", "30", "--out", At("k.json"));
        file.AsObject().Remove("run");
        File.WriteAllText(At("theirs.json"), file.ToJsonString());
        foreach (var command in (string[][])[["draw", At("theirs.json"), "--out", At("a.svg")], ["circuit", "--scores", At("theirs.json"), "--edges", "30", "--out", At("c.json")], ["draw", At("c.json"), "--out", At("b.html")]])
        {
            var (code, _, error) = Run(command);
            Assert.Equal(0, code);
            Assert.Contains(" strongest edges have negative scores, so that its signs look reversed", error, StringComparison.Ordinal);
        }
        Assert.Contains("signs look reversed", File.ReadAllText(At("a.svg")), StringComparison.Ordinal);
        Assert.Equal(0, Run("report", At("theirs.json"), "--out", At("r.html")).Code);
        Assert.Contains("signs look reversed", File.ReadAllText(At("r.html")), StringComparison.Ordinal);
    }
}
