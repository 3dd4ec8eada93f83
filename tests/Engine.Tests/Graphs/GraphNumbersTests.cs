using Faith.Engine.Graphs;
using Xunit;

namespace Faith.Engine.Tests.Graphs;

public sealed class GraphNumbersTests
{
    [Theory]
    [InlineData(1, 1, false)]
    [InlineData(3, 2, false)]
    [InlineData(3, 2, true)]
    public void NumbersAndWhatTheyStandForAgree(int layers, int heads, bool parallel)
    {
        var graph = new ModelGraph(layers, heads, parallel);
        Assert.Equal(graph.AllSources.Append(graph.LogitsNode).SelectMany(graph.ColumnsOf).Order(), graph.AllColumns);
        Assert.All(graph.AllColumns, v => Assert.Contains(v, graph.ColumnsOf(graph.NodeOfColumn(v))));
        // Nodes of a stage are neighbours, and stages count up.
        Assert.Equal(Enumerable.Range(0, graph.Stages), graph.AllSources.Select(graph.StageOf).Distinct());
        Assert.Equal(graph.AllSources.Select(graph.StageOf).Order(), graph.AllSources.Select(graph.StageOf));
        foreach (var node in graph.AllSources.Skip(1))
        {
            var (kind, layer, head) = graph.PlaceOf(node);
            Assert.Equal(node, kind == NodeKind.Mlp ? graph.MlpNode(layer) : graph.HeadNode(layer, head));
            Assert.Equal(kind == NodeKind.Mlp ? ModelGraph.MlpStage(layer) : ModelGraph.HeadsStage(layer), graph.StageOf(node));
        }
    }

    [Theory]
    [InlineData(1, 1, false)]
    [InlineData(3, 2, false)]
    [InlineData(3, 2, true)]
    public void EdgesArePairsInOrder(int layers, int heads, bool parallel)
    {
        var graph = new ModelGraph(layers, heads, parallel);
        var edges = Enumerable.Range(0, graph.Pairs).Select(i => new EdgeId(i)).Where(e => graph.IsEdge(graph.SourceOf(e), graph.ColumnOf(e))).ToArray();
        Assert.Equal(edges, graph.AllEdges);
        Assert.Equal(edges.Length, graph.Edges);
        Assert.Equal(edges, graph.AllColumns.SelectMany(graph.InEdges).Order());
        Assert.All(edges, e => Assert.Equal(e, graph.Edge(graph.SourceOf(e), graph.ColumnOf(e))));
        Assert.All(graph.AllSources, u => Assert.Equal(edges.Where(e => graph.SourceOf(e) == u), graph.OutEdges(u)));
    }
}
