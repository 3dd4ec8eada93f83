using Faith.Engine.Circuits;
using Faith.Engine.Graphs;
using Xunit;

namespace Faith.Engine.Tests.Circuits;

/// <summary>The rank-based area against its definition: pairs of edges, ties counting half.</summary>
public sealed class AurocTests
{
    private static readonly ModelGraph Graph = new(2, 2);

    [Theory]
    [InlineData(1, 1000)]
    [InlineData(2, 3)]
    [InlineData(3, 2)]
    public void IsTheShareOfPairsInTheRightOrder(int seed, int levels)
    {
        var random = new Random(seed);
        var edges = Circuit.Full(Graph).Edges.ToArray();
        var values = new double[Graph.Sources * Graph.Columns];
        foreach (var e in edges) values[e] = random.Next(-levels, levels + 1);
        var known = new Circuit(Graph, edges.Where(_ => random.Next(4) == 0));
        var (pairs, right) = (0.0, 0.0);
        foreach (var inside in edges.Where(e => known.Contains(e)))
        {
            foreach (var outside in edges.Where(e => !known.Contains(e)))
            {
                var order = Math.Abs(values[inside]).CompareTo(Math.Abs(values[outside]));
                pairs++;
                right += order > 0 ? 1 : order == 0 ? 0.5 : 0;
            }
        }
        Assert.Equal(right / pairs, Auroc.Of(new EdgeScores(Graph, values), known), 1e-12);
    }

    [Fact]
    public void IsOneForThePerfectRankingHalfForNoneAndNotANumberWithoutACircuit()
    {
        var circuit = Small.Circuit(Graph, "input->a0.h0<v>", "a0.h0->logits");
        var zeros = new double[Graph.Sources * Graph.Columns];
        Assert.Equal(0.5, Auroc.Of(new EdgeScores(Graph, zeros), circuit));
        Assert.Equal(1, Auroc.Of(Small.Scores(Graph, ("input->a0.h0<v>", -2), ("a0.h0->logits", 1)), circuit));
        Assert.True(double.IsNaN(Auroc.Of(new EdgeScores(Graph, zeros), Circuit.Empty(Graph))));
        Assert.Throws<InputException>(() => Auroc.Of(new EdgeScores(Graph, zeros), Circuit.Empty(new ModelGraph(3, 2))));
    }
}
