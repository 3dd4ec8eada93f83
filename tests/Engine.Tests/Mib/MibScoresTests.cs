using Faith.Engine.Attribution;
using Faith.Engine.Graphs;
using Faith.Engine.Mib;
using Faith.Engine.ScoreFiles;
using Faith.Engine.Tests.Models;
using Xunit;

namespace Faith.Engine.Tests.Mib;

public sealed class MibScoresTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    private ScoreFile Read(string nodes)
    {
        var path = directory.File("scores.json");
        File.WriteAllText(path, "{\"cfg\": {\"n_layers\": 1, \"n_heads\": 2, \"d_model\": 2}, \"nodes\": {" + nodes + "}}");
        return ScoreFile.Read(path);
    }

    private static string Names(Circuit circuit) => string.Join(' ', circuit.Edges.Select(circuit.Graph.EdgeName));

    [Theory]
    [InlineData("NaN")]
    [InlineData("null")]
    public void Nodes_that_have_a_score_are_ranked_and_the_input_with_them(string none)
    {
        var file = Read($$"""
            "input": {"in_graph": true, "score": 0.3}, "a0.h0": {"in_graph": true, "score": -0.5}, "a0.h1": {"in_graph": true, "score":{{none}}}, "m0": {"in_graph": true, "score": 0.2}, "logits": {"in_graph": true, "score": {{none}}}
            """);
        var scores = MibScores.Of(file, "f", ScoreLevel.Node);
        Assert.Equal(3, scores.Items);
        // Without the input nothing is left.
        Assert.Equal(0, scores.Best(1, false).EdgeCount);
        Assert.Equal("input->a0.h0<q> input->a0.h0<k> input->a0.h0<v> input->logits a0.h0->logits", Sorted(scores.Best(2, false)));
        Assert.Equal("input->m0 input->logits m0->logits", Sorted(scores.Best(2, true)));
        Assert.Equal("input->logits", Sorted(scores.Best(1, true)));
        Assert.DoesNotContain("a0.h1", Names(scores.Best(3, true)));

        static string Sorted(Circuit circuit) => string.Join(' ', ScoreFile.EdgeOrder(circuit.Graph).Where(circuit.Contains).OrderBy(circuit.Graph.SourceOf).Select(circuit.Graph.EdgeName));
    }

    [Fact]
    public void Neurons_that_have_a_score_are_ranked()
    {
        var scores = MibScores.Of(Read("""
            "input": {"neurons_scores": [0.1, 0.4]}, "a0.h0": {"neurons_scores": [NaN,NaN]}, "a0.h1": {}, "m0": {"neurons_scores": [null, -0.9]}
            """), "f", ScoreLevel.Neuron);
        Assert.Equal(3, scores.Items);
        var two = scores.Best(2, false);
        Assert.Equal(("input->m0 input->logits m0->logits", 2), (Names(two), two.Neurons!.Count));
        Assert.True(two.Neurons.Contains(ModelGraph.InputNode, 1) && two.Neurons.Contains(two.Graph.MlpNode(0), 1));
        Assert.Equal("input->logits", Names(scores.Best(2, true)));
        Assert.Equal(3, scores.Best(3, true).Neurons!.Count);
    }

    [Fact]
    public void What_has_no_score_at_all_says_so()
    {
        var file = Read("\"input\": {\"score\": NaN}, \"m0\": {\"neurons_scores\": [NaN, null]}, \"a0.h0\": {\"score\": 1}");
        Assert.Contains("the neurons have no scores", Assert.Throws<InputException>(() => MibScores.Of(file, "f", ScoreLevel.Neuron)).Message);
        Assert.Contains("the edges have no scores", Assert.Throws<InputException>(() => MibScores.Of(file, "f", ScoreLevel.Edge)).Message);
        Assert.Contains("NaN or infinite", Assert.Throws<InputException>(() => Read("\"input\": {\"score\": -Infinity}")).Message);
        Assert.Contains("NaN or infinite", Assert.Throws<InputException>(() => Read("\"input\": {\"score\": 1}}, \"edges\": {\"input->m0\": {\"score\": NaN}")).Message);
        // Wherever a buffer ends.
        for (var pad = (1 << 16) - 120; pad < 1 << 16; pad++) Assert.Null(Read($"{new string(' ', pad)}\"input\": {{\"score\": NaN}}, \"m0\": {{\"score\": 1}}").Nodes![0].Score);
    }
}
