using Faith.Engine.Graphs;
using Xunit;

namespace Faith.Engine.Tests.Graphs;

public sealed class GraphNamesTests
{
    [Theory]
    [InlineData(1, 1, false)]
    [InlineData(2, 3, false)]
    [InlineData(12, 11, true)]
    public void EveryNameReadsBackAsItsNumber(int layers, int heads, bool parallel)
    {
        var graph = new ModelGraph(layers, heads, parallel);
        for (var n = 0; n < graph.Nodes; n++)
        {
            Assert.True(GraphNames.TryParseNode(graph, graph.NodeName(new(n)), out var node));
            Assert.Equal(n, node);
        }
        for (var v = 0; v < graph.Columns; v++)
        {
            Assert.True(GraphNames.TryParseColumn(graph, graph.ColumnName(new(v)), out var column));
            Assert.Equal(v, column);
            for (var u = 0; u < graph.Sources; u++)
            {
                var edge = graph.Edge(new(u), column);
                Assert.Equal((new NodeId(u), column), (graph.SourceOf(edge), graph.ColumnOf(edge)));
                Assert.Equal(graph.IsEdge(new(u), column), GraphNames.TryParseEdge(graph, graph.EdgeName(edge), out var found));
                Assert.Equal(graph.IsEdge(new(u), column) ? edge : default, found);
            }
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("->")]
    [InlineData("input")]
    [InlineData("input->")]
    [InlineData("input->input")]
    [InlineData("logits->logits")]
    [InlineData("input->a0.h0")]
    [InlineData("input->a0.h0<o>")]
    [InlineData("input->a00.h0<q>")]
    [InlineData("input->a0.h2<q>")]
    [InlineData("input->a2.h0<q>")]
    [InlineData("input->m2")]
    [InlineData("input->m-1")]
    [InlineData("input->m9999999999")]
    [InlineData("input->m0 ")]
    [InlineData(" input->m0")]
    [InlineData("m0->m0")]
    [InlineData("m0->a0.h0<q>")]
    [InlineData("m1->m0")]
    [InlineData("a0.h0<q>->m0")]
    [InlineData("a0.h0->a0.h1<q>")]
    [InlineData("input->m0->logits")]
    [InlineData("input->a0.h٠<q>")]
    public void OtherNamesAreRefused(string name) => Assert.False(GraphNames.TryParseEdge(new(2, 2), name, out _));

    [Fact]
    public void AnMlpBesideItsHeadsDoesNotReadThem()
    {
        Assert.True(GraphNames.TryParseEdge(new(1, 2), "a0.h1->m0", out _));
        Assert.False(GraphNames.TryParseEdge(new(1, 2, Parallel: true), "a0.h1->m0", out _));
    }
}
