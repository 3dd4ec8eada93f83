using Faith.Engine.Circuits;
using Faith.Engine.Graphs;
using Xunit;

namespace Faith.Engine.Tests.Circuits;

public sealed class PruningTests
{
    private static readonly ModelGraph Graph = new(4, 2);

    [Fact]
    public void AChainWithoutAnEndFallsWhole() =>
        Assert.Equal(["input->logits"], Small.Names(Pruning.Prune(Small.Circuit(Graph,
            "input->logits", "input->m0", "m0->m1", "m1->a2.h0<q>", "a2.h0->m3"))));

    [Fact]
    public void AChainWithoutABeginningFallsWhole() =>
        Assert.Equal(["input->logits"], Small.Names(Pruning.Prune(Small.Circuit(Graph,
            "input->logits", "a0.h1->m0", "m0->m1", "m1->a2.h0<k>", "a2.h0->logits"))));

    [Fact]
    public void AChainWithBothEndsStays()
    {
        var circuit = Small.Circuit(Graph, "input->m0", "m0->a1.h0<v>", "a1.h0->a3.h1<q>", "a3.h1->logits");
        Assert.Same(circuit, Pruning.Prune(circuit));
    }

    [Fact]
    public void OneInputOfAHeadIsEnough() =>
        Assert.Equal(Small.Sorted("input->a1.h0<k>", "a1.h0->logits"), Small.Names(Pruning.Prune(Small.Circuit(Graph,
            "input->a1.h0<k>", "a1.h0->logits", "m0->a1.h0<q>", "a0.h0->a1.h0<v>"))));

    [Fact]
    public void WithoutAPathNothingIsLeft() =>
        Assert.Equal(0, Pruning.Prune(Small.Circuit(Graph, "m0->m1", "m1->logits", "input->a0.h0<q>")).EdgeCount);

    [Fact]
    public void TheFullAndTheEmptyCircuitStay()
    {
        Assert.Equal(Graph.Edges, Pruning.Prune(Circuit.Full(Graph)).EdgeCount);
        Assert.Equal(0, Pruning.Prune(Circuit.Empty(Graph)).EdgeCount);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void EqualsTheRuleAppliedUntilNothingChanges(bool parallel)
    {
        var graph = new ModelGraph(5, 3, parallel);
        var all = Circuit.Full(graph).Edges.ToArray();
        var random = new Random(71);
        for (var trial = 0; trial < 300; trial++)
        {
            var share = random.NextDouble() * random.NextDouble() * 0.3;
            var edges = all.Where(_ => random.NextDouble() < share).ToArray();
            Assert.Equal(Literal(graph, edges), Pruning.Prune(new Circuit(graph, edges)).Edges);
        }
    }

    private static List<EdgeId> Literal(ModelGraph graph, IEnumerable<EdgeId> edges)
    {
        var left = edges.Order().ToList();
        while (true)
        {
            var stays = new bool[graph.Nodes];
            for (var node = 0; node < graph.Nodes; node++)
            {
                var fed = node == 0 || left.Any(e => graph.TargetOf(e) == node);
                var read = left.Any(e => graph.SourceOf(e) == node);
                stays[node] = node == graph.LogitsNode || (fed && read);
            }
            if (left.RemoveAll(e => !stays[graph.SourceOf(e)] || !stays[graph.TargetOf(e)]) == 0) return left;
        }
    }
}
