using Faith.Engine.Circuits;
using Faith.Engine.Graphs;
using Xunit;

namespace Faith.Engine.Tests.Circuits;

public sealed class NodeSelectionTests
{
    private static readonly ModelGraph Graph = new(2, 1);

    // input, a0.h0, m0, a1.h0, m1
    private static readonly double[] Scores = [0, 0.5, -3, 2, 1];

    [Fact]
    public void TheBestNodesBringEveryEdgeBetweenThem() => Assert.Equal(
        Small.Sorted("input->m0", "input->logits", "m0->logits", "input->a1.h0<q>", "input->a1.h0<k>", "input->a1.h0<v>", "m0->a1.h0<q>", "m0->a1.h0<k>", "m0->a1.h0<v>", "a1.h0->logits"),
        Small.Names(CircuitSelection.TopNodes(Graph, Scores, 2, signed: false)));

    [Fact]
    public void SignedLeavesNegativeOnesOut() => Assert.Equal(
        Small.Sorted("input->logits", "input->m1", "m1->logits", "input->a1.h0<q>", "input->a1.h0<k>", "input->a1.h0<v>", "a1.h0->logits", "a1.h0->m1"),
        Small.Names(CircuitSelection.TopNodes(Graph, Scores, 2, signed: true)));

    [Fact]
    public void AllNodesAreTheFullCircuitAndNoneTheDirectPath()
    {
        Assert.Equal(Circuit.Full(Graph).Edges, CircuitSelection.TopNodes(Graph, Scores, 4, signed: false).Edges);
        Assert.Equal(["input->logits"], Small.Names(CircuitSelection.TopNodes(Graph, Scores, 0, signed: false)));
    }

    [Fact]
    public void WrongNumbersAreRefused()
    {
        Assert.Throws<InputException>(() => CircuitSelection.TopNodes(Graph, Scores, 5, signed: false));
        Assert.Throws<InputException>(() => CircuitSelection.TopNodes(Graph, [0, double.NaN, 0, 0, 0], 1, signed: false));
        Assert.Throws<ArgumentException>(() => CircuitSelection.TopNodes(Graph, [0, 1], 1, signed: false));
    }
}
