using Faith.Engine.Circuits;
using Faith.Engine.Graphs;
using Faith.Engine.ScoreFiles;
using Faith.Engine.Tests.Circuits;
using Faith.Engine.Tests.Models;
using Xunit;

namespace Faith.Engine.Tests.Reports;

public sealed class TorchScoreTests
{
    private static ScoreFile Made(ModelGraph graph)
    {
        var scores = Small.RandomScores(graph, 2);
        foreach (var edge in graph.AllEdges) scores.Values[edge] = (float)scores.Values[edge];
        return new ScoreFile
        {
            Graph = graph,
            DModel = 3,
            Scores = scores,
            InGraph = new Circuit(graph, RandomCircuits.Sample(graph, 3, 1).Edges, new NeuronSet(graph, 3, [0, 2, .. Enumerable.Range(3, 3 * graph.Sources - 4)])),
            Nodes = [.. Enumerable.Range(0, graph.Nodes).Select(i => i == graph.LogitsNode ? NodeEntry.None : new NodeEntry(i == 1 ? null : i / 2.0, [i, -1.5, 0]))],
        };
    }

    private static ScoreFile Through(ScoreFile file, Action<Dictionary<string, object?>>? change = null)
    {
        using var directory = new TemporaryDirectory();
        TorchScores.Write(directory.File("scores.pt"), file, change);
        return ScoreFile.Read(directory.File("scores.pt"));
    }

    [Theory]
    [InlineData(1, 1, false)]
    [InlineData(3, 4, false)]
    [InlineData(3, 4, true)]
    public void WhatTheLibrarySavesIsRead(int layers, int heads, bool parallel)
    {
        var file = Made(new(layers, heads, parallel));
        var back = Through(file);
        Assert.Equal(file.Graph, back.Graph);
        Assert.Equal(3, back.DModel);
        Assert.Equal(file.Scores!.Values, back.Scores!.Values);
        Assert.Equal(file.InGraph.Edges, back.InGraph.Edges);
        for (var n = 0; n < file.InGraph.Neurons!.Most; n++) Assert.Equal(file.InGraph.Neurons.Contains(new(n / 3), n % 3), back.InGraph.Neurons!.Contains(new(n / 3), n % 3));
        Assert.Equal(file.Nodes!.Select(node => node.Score), back.Nodes!.Select(node => node.Score));
        Assert.Equal(file.Nodes!.SelectMany(node => node.NeuronScores ?? []), back.Nodes!.SelectMany(node => node.NeuronScores ?? []));
        // Names may be the keys of a dictionary, and need not be there.
        Through(file, root => root["src_nodes"] = ((List<object?>)root["src_nodes"]!).ToDictionary(name => (string)name!, _ => (object?)true));
        Through(file, root => root.Remove("dst_nodes"));
        Assert.Null(Through(file, root => root.Remove("edges_scores")).Scores);
    }

    /// <summary>Written by PyTorch 1.13: score of row u and column v is 100·u + v, halves of nodes, and one edge in the graph.</summary>
    [Fact]
    public void AFileOfPyTorchIsRead()
    {
        var file = ScoreFile.Read(Path.Combine(AppContext.BaseDirectory, "Models", "Torch", "scores.pt"));
        Assert.Equal(new ModelGraph(2, 2), file.Graph);
        foreach (var edge in file.Graph.AllEdges) Assert.Equal(100 * file.Graph.SourceOf(edge) + file.Graph.ColumnOf(edge), file.Scores![edge]);
        Assert.Equal("m1->logits", file.Graph.EdgeName(Assert.Single(file.InGraph.Edges)));
        Assert.Equal(0.5, file.Nodes![1].Score);
    }

    [Fact]
    public void NeuronsWithoutAScoreAreWrittenAsTheyWereRead()
    {
        var graph = new ModelGraph(1, 1);
        using var directory = new TemporaryDirectory();
        Through(new ScoreFile { Graph = graph, DModel = 2, InGraph = Circuit.Empty(graph), Scores = Small.RandomScores(graph, 1), Nodes = [new(1, [1, double.NaN]), new(2, [double.NaN, 0.5]), new(3, [double.NaN, double.NaN]), NodeEntry.None] }).Write(directory.File("s.json"));
        var again = ScoreFile.Read(directory.File("s.json")).Nodes!;
        Assert.Equal([1, double.NaN, double.NaN, 0.5], again.SelectMany(node => node.NeuronScores ?? []));
        // Of a run it would say that something went wrong.
        Assert.Contains("the score of the neuron 1 of node 1 is NaN", Assert.Throws<InputException>(() => NodeEntry.Of([1, 2], [1, 2, 3, double.NaN], 2)).Message);
    }

    [Fact]
    public void FaultsAreNamed()
    {
        var file = Made(new(2, 2));
        void Refused(string expected, Action<Dictionary<string, object?>> change)
        {
            var message = Assert.Throws<InputException>(() => Through(file, change)).Message;
            Assert.Contains("scores.pt: ", message);
            Assert.Contains(expected, message);
            Assert.DoesNotContain('\n', message);
        }
        Dictionary<string, object?> Config(Dictionary<string, object?> root) => (Dictionary<string, object?>)root["cfg"]!;

        Refused("has no \"cfg\"", root => root.Remove("cfg"));
        Refused("cfg lacks n_heads", root => Config(root).Remove("n_heads"));
        Refused("cfg.n_layers should be a whole number from 1 to 10000", root => Config(root)["n_layers"] = 0);
        Refused("cfg.parallel_attn_mlp should be true or false", root => Config(root)["parallel_attn_mlp"] = "no");
        Refused("too many for a file of", root => Config(root)["n_heads"] = 2000);
        Refused("edges_scores has the shape [2]; a model of 2 layers and 2 heads makes it [7, 15]", root => root["edges_scores"] = new View(((View)root["edges_scores"]!).Storage, 0, [2], [1]));
        Refused("edges_scores should be a tensor", root => root["edges_scores"] = 3);
        Refused("src_nodes: entry 1 is 'm0', where a0.h0 belongs", root => ((List<object?>)root["src_nodes"]!)[1] = "m0");
        Refused("dst_nodes has 1 names", root => root["dst_nodes"] = new List<object?> { "logits" });
        Refused("is in the graph but its node", root => root["nodes_in_graph"] = new View(new("0", "BoolStorage", 105), 90, [7], [1])); // where m1 has no edges
        Refused("has no edges_scores, nodes_scores or neurons_scores", root => root.Keys.Where(key => key.EndsWith("_scores", StringComparison.Ordinal)).ToList().ForEach(key => root.Remove(key)));
        Refused("names 'os.system'", root => root["x"] = new Called(new("os", "system"), "true"));
        file.Scores!.Values[^1] = file.Scores.Values[0] = double.NaN;
        Refused("edges_scores: input->a0.h0<q> is NaN or infinite", _ => { });
    }
}
