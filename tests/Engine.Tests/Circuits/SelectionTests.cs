using Faith.Engine.Circuits;
using Faith.Engine.Graphs;
using Xunit;

namespace Faith.Engine.Tests.Circuits;

public sealed class SelectionTests
{
    private static readonly ModelGraph Graph = new(2, 2);

    // logits takes m1 and a0.h0; m1 takes input; a1.h1 is strong but reaches logits only weakly.
    private static readonly EdgeScores Scores = Small.Scores(Graph,
        ("m1->logits", 5), ("a0.h0->logits", -4), ("input->m1", 3), ("input->a1.h1<q>", 9), ("m0->a1.h1<k>", -8),
        ("a1.h1->m1", 2), ("input->a0.h0<v>", -1), ("a1.h1->logits", 0.5), ("input->m0", 0.25));

    [Fact]
    public void TopTakesTheLargestWhereverTheyAre() =>
        Assert.Equal(Small.Sorted("input->a1.h1<q>", "m0->a1.h1<k>", "m1->logits"), Small.Names(CircuitSelection.Top(Scores, 3, signed: false, prune: false)));

    [Fact]
    public void SignedTopLeavesNegativeOnesOut() =>
        Assert.Equal(Small.Sorted("input->a1.h1<q>", "m1->logits", "input->m1"), Small.Names(CircuitSelection.Top(Scores, 3, signed: true, prune: false)));

    [Fact]
    public void TopIsPruned()
    {
        Assert.Empty(Small.Names(CircuitSelection.Top(Scores, 3, signed: false)));
        Assert.Equal(Small.Sorted("m1->logits", "input->m1"), Small.Names(CircuitSelection.Top(Scores, 3, signed: true)));
    }

    [Fact]
    public void GreedyGrowsFromLogits()
    {
        string[] order = ["m1->logits", "a0.h0->logits", "input->m1", "a1.h1->m1", "input->a1.h1<q>", "m0->a1.h1<k>", "input->a0.h0<v>", "a1.h1->logits", "input->m0"];
        for (var n = 0; n <= order.Length; n++) Assert.Equal(Small.Sorted(order[..n]), Small.Names(CircuitSelection.Greedy(Scores, n, signed: false, prune: false)));
    }

    [Fact]
    public void SignedGreedyTakesNegativeOnesLast()
    {
        string[] order = ["m1->logits", "input->m1", "a1.h1->m1", "input->a1.h1<q>", "a1.h1->logits"];
        for (var n = 0; n <= order.Length; n++) Assert.Equal(Small.Sorted(order[..n]), Small.Names(CircuitSelection.Greedy(Scores, n, signed: true, prune: false)));
        Assert.DoesNotContain("m0->a1.h1<k>", Small.Names(CircuitSelection.Greedy(Scores, Graph.Edges - 1, signed: true, prune: false)));
    }

    [Fact]
    public void GreedyIsPruned() =>
        Assert.Equal(Small.Sorted("m1->logits", "input->m1"), Small.Names(CircuitSelection.Greedy(Scores, 4, signed: false)));

    [Fact]
    public void ThresholdIncludesItsBound()
    {
        Assert.Equal(5, CircuitSelection.Threshold(Scores, 3, signed: false, prune: false).EdgeCount);
        Assert.Equal(3, CircuitSelection.Threshold(Scores, 3, signed: true, prune: false).EdgeCount);
        Assert.Equal(Small.Sorted("m1->logits", "input->m1"), Small.Names(CircuitSelection.Threshold(Scores, 3, signed: true)));
        Assert.Equal(Graph.Edges, CircuitSelection.Threshold(Scores, 0, signed: false).EdgeCount);
        Assert.Equal(Graph.Edges - 3, CircuitSelection.Threshold(Scores, -0.0, signed: true, prune: false).EdgeCount);
        Assert.Equal(0, CircuitSelection.Threshold(Scores, double.PositiveInfinity, signed: false).EdgeCount);
    }

    [Theory]
    [InlineData("top")]
    [InlineData("greedy")]
    public void EqualScoresGoToTheLowerIndex(string name)
    {
        var equal = new EdgeScores(Graph, new double[Graph.Sources * Graph.Columns]);
        // A zero with a sign is no larger and no smaller.
        for (var i = 0; i < equal.Values.Length; i += 2) equal.Values[i] = -0.0;
        var chosen = SelectionMethods.Named(name)(equal, 4, signed: true, prune: false).Edges;
        var expected = name == "top"
            ? Circuit.Full(Graph).Edges.Take(4)
            : Small.Circuit(Graph, "input->logits", "a0.h0->logits", "input->a0.h0<q>", "input->a0.h0<k>").Edges;
        Assert.Equal(expected, chosen);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void BothEqualTheirLiteralVersions(bool signed)
    {
        var graph = new ModelGraph(4, 3);
        var random = new Random(5);
        for (var trial = 0; trial < 30; trial++)
        {
            var scores = Small.RandomScores(graph, trial);
            // Coarse values make ties.
            if (trial % 2 == 0) for (var i = 0; i < scores.Values.Length; i++) scores.Values[i] = Math.Round(scores.Values[i] * 3);
            var n = random.Next(graph.Edges + 1);
            double Key(EdgeId e) => signed ? scores.Values[e] : Math.Abs(scores.Values[e]);
            var all = Circuit.Full(graph).Edges.ToArray();
            Assert.Equal(all.OrderByDescending(Key).ThenBy(e => e).Take(n).Order(), CircuitSelection.Top(scores, n, signed, prune: false).Edges);

            var chosen = new HashSet<EdgeId>();
            var nodes = new HashSet<NodeId> { graph.LogitsNode };
            for (var i = 0; i < n; i++)
            {
                var best = all.Where(e => !chosen.Contains(e) && nodes.Contains(graph.TargetOf(e))).OrderByDescending(Key).ThenBy(e => e).First();
                chosen.Add(best);
                nodes.Add(graph.SourceOf(best));
            }
            Assert.Equal(chosen.Order(), CircuitSelection.Greedy(scores, n, signed, prune: false).Edges);
        }
    }

    [Fact]
    public void AllEdgesAreTheFullGraph()
    {
        foreach (var method in SelectionMethods.All.Values) Assert.Equal(Graph.Edges, method(Scores, Graph.Edges, signed: false).EdgeCount);
    }

    [Fact]
    public void MoreEdgesThanThereAreIsAnInputError()
    {
        foreach (var method in SelectionMethods.All.Values)
        {
            var message = Assert.Throws<InputException>(() => method(Scores, Graph.Edges + 1, signed: false)).Message;
            Assert.Contains($"{Graph.Edges + 1} ", message);
            Assert.Contains($"{Graph.Edges}", message);
            Assert.Throws<InputException>(() => method(Scores, -1, signed: false));
        }
    }

    [Fact]
    public void AScoreThatIsNoNumberIsNamed()
    {
        var scores = Small.Scores(Graph, ("m0->m1", double.NaN));
        foreach (var method in SelectionMethods.All.Values) Assert.Contains("m0->m1", Assert.Throws<InputException>(() => method(scores, Graph.Edges, signed: false)).Message);
        Assert.Contains("m0->m1", Assert.Throws<InputException>(() => CircuitSelection.Threshold(scores, 0, signed: false)).Message);
        Assert.Throws<InputException>(() => CircuitSelection.Threshold(Scores, double.NaN, signed: false));
    }

    [Fact]
    public void AnUnknownNameNamesTheKnownOnes() => Assert.Contains("top, greedy, ratio", Assert.Throws<InputException>(() => SelectionMethods.Named("best")).Message);
}
