using Xunit;

namespace Faith.Cli.Tests;

public sealed class DrawCommandTests : CliTest
{
    private const string Circuit = """
        {"cfg": {"n_layers": 1, "n_heads": 1, "parallel_attn_mlp": false, "d_model": 8},
         "nodes": {"input": true, "a0.h0": true, "m0": false, "logits": true},
         "edges": {"input->a0.h0<q>": {"score": 0.1, "in_graph": false}, "input->a0.h0<k>": {"score": -0.2, "in_graph": true},
          "input->a0.h0<v>": {"score": -3.0, "in_graph": true}, "input->m0": {"score": 5.0, "in_graph": false}, "a0.h0->m0": {"score": 0.4, "in_graph": false},
          "input->logits": {"score": 0.3, "in_graph": false}, "a0.h0->logits": {"score": 2.0, "in_graph": true}, "m0->logits": {"score": 4.0, "in_graph": false}}}
        """;

    [Theory]
    [InlineData("svg", "<svg")]
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

    [Fact]
    public void Bad_arguments_are_refused()
    {
        var circuit = Write("c.json", Circuit);
        Refused("c.png: a drawing is a file that ends in .svg, .dot or .html", "draw", circuit, "--out", At("c.png"));
        Refused("no circuit has been selected", "draw", Write("e.json", Circuit.Replace("\"in_graph\": true", "\"in_graph\": false", StringComparison.Ordinal)), "--out", At("c.svg"));
        Refused("there is no such file", "draw", At("nowhere.json"), "--out", At("c.svg"));
        Refused("--out", "draw", circuit);
        Refused("see faith draw --help", "draw", "--out", At("c.svg"));
    }
}
