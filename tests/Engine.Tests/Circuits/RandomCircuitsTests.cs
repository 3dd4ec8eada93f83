using Faith.Engine.Circuits;
using Faith.Engine.Graphs;
using Xunit;

namespace Faith.Engine.Tests.Circuits;

public sealed class RandomCircuitsTests
{
    [Theory]
    [InlineData(12, 12, false)]
    [InlineData(4, 8, true)]
    [InlineData(1, 1, false)]
    public void MeetTheNumberAndNothingWouldBePruned(int layers, int heads, bool parallel)
    {
        var graph = new ModelGraph(layers, heads, parallel);
        foreach (var edges in new[] { 0, 1, 2, 3, 5, 30, 100, 1000, graph.Edges / 2, graph.Edges - 1, graph.Edges })
        {
            if (edges > graph.Edges || (graph.Layers == 1 && edges > 2)) continue;
            for (ulong seed = 0; seed < 5; seed++)
            {
                var circuit = RandomCircuits.Sample(graph, edges, seed);
                Assert.Equal(edges, circuit.EdgeCount);
                Assert.Equal(edges, Pruning.Prune(circuit).EdgeCount);
            }
        }
    }

    [Fact]
    public void ASizeThatDoesNotExistIsMissedByLittle()
    {
        // One layer, one head, attention beside the MLP: seven edges. All sizes exist except none; ask for each.
        var graph = new ModelGraph(1, 1, Parallel: true);
        for (var edges = 0; edges <= graph.Edges; edges++) Assert.InRange(RandomCircuits.Sample(graph, edges, 3).EdgeCount, Math.Max(0, edges - 1), edges);
    }

    [Fact]
    public void DependOnTheSeedAlone()
    {
        var graph = new ModelGraph(6, 4);
        Assert.Equal(RandomCircuits.Sample(graph, 40, 1).Edges, RandomCircuits.Sample(graph, 40, 1).Edges);
        Assert.NotEqual(RandomCircuits.Sample(graph, 40, 1).Edges, RandomCircuits.Sample(graph, 40, 2).Edges);
    }

    [Fact]
    public void ReachEveryPartOfTheGraph()
    {
        var graph = new ModelGraph(3, 2);
        var seen = new HashSet<EdgeId>();
        for (ulong seed = 0; seed < 400; seed++) seen.UnionWith(RandomCircuits.Sample(graph, 10, seed).Edges);
        Assert.Equal(graph.Edges, seen.Count);
    }

    [Fact]
    public void TheGeneratorIsSplitMix64()
    {
        var random = new Random64(1234567);
        Assert.Equal([6457827717110365317UL, 3203168211198807973UL, 9817491932198370423UL], [random.Next(), random.Next(), random.Next()]);
    }

    [Fact]
    public void NumbersBelowABoundAreEven()
    {
        var random = new Random64(9);
        var counts = new int[7];
        for (var i = 0; i < 70_000; i++) counts[random.Below(7)]++;
        Assert.All(counts, c => Assert.InRange(c, 9_600, 10_400));
        for (var i = 0; i < 1000; i++) Assert.InRange(random.Unit(), 0, 0.9999999999999999);
    }

    [Fact]
    public void MoreEdgesThanThereAreIsAnInputError() => Assert.Throws<InputException>(() => RandomCircuits.Sample(new(1, 1), 99, 0));
}
