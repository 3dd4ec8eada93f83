using Faith.Engine.Circuits;
using Faith.Engine.Graphs;
using Xunit;

namespace Faith.Engine.Tests.Circuits;

public sealed class CircuitComparisonTests
{
    private static readonly ModelGraph Graph = new(2, 2);

    [Fact]
    public void OverlapCountsEdgesAndNodes()
    {
        var found = Small.Circuit(Graph, "input->m0", "m0->logits", "input->logits");
        var reference = Small.Circuit(Graph, "input->m0", "m0->m1", "m1->logits", "input->logits");
        var edges = CircuitComparison.Edges(found, reference);
        Assert.Equal(new Overlap(3, 4, 2), edges);
        Assert.Equal((2 / 5.0, 2 / 3.0, 2 / 4.0), (edges.Jaccard, edges.Precision, edges.Recall));
        Assert.Equal(new Overlap(3, 4, 3), CircuitComparison.Nodes(found, reference));
    }

    [Fact]
    public void OverlapCountsTheNeuronsThatEdgesCarry()
    {
        var edges = Small.Circuit(Graph, "input->m0", "m0->logits");
        Circuit Of(int width, params int[] neurons) => new(Graph, edges.Edges, new NeuronSet(Graph, width, neurons));
        // Nodes are input, a0.h0, a0.h1, m0, …: neuron 12 is the first of m0, and 4 is of a head that nothing reads.
        var found = Of(4, 0, 1, 12, 4);
        Assert.Equal(new Overlap(3, 3, 2), CircuitComparison.Neurons(found, Of(4, 1, 12, 13)));
        Assert.Equal(new Overlap(3, 8, 3), CircuitComparison.Neurons(found, edges));
        Assert.Equal(new Overlap(8, 3, 3), CircuitComparison.Neurons(edges, found));
        Assert.Null(CircuitComparison.Neurons(edges, edges));
        Assert.Contains("4 and 3 neurons a node", Assert.Throws<InputException>(() => CircuitComparison.Neurons(found, Of(3, 1))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void EmptyCircuitsAreAlike()
    {
        var empty = Circuit.Empty(Graph);
        var edges = CircuitComparison.Edges(empty, empty);
        Assert.Equal((1.0, 1.0, 1.0), (edges.Jaccard, edges.Precision, edges.Recall));
        Assert.Equal(new Overlap(0, 0, 0), CircuitComparison.Nodes(empty, empty));
        Assert.Equal(0, CircuitComparison.Edges(empty, Circuit.Full(Graph)).Jaccard);
    }

    [Fact]
    public void CorrelationsOfTheSameOrderAreOne()
    {
        var a = Small.RandomScores(Graph, 1);
        var b = new EdgeScores(Graph, Array.ConvertAll(a.Values, x => x * x * x));
        var c = new EdgeScores(Graph, Array.ConvertAll(a.Values, x => -x));
        Assert.Equal(1, CircuitComparison.Spearman(a, b, signed: true), 12);
        Assert.Equal(1, CircuitComparison.Kendall(a, b, signed: true), 12);
        Assert.Equal(-1, CircuitComparison.Spearman(a, c, signed: true), 12);
        Assert.Equal(-1, CircuitComparison.Kendall(a, c, signed: true), 12);
        Assert.Equal(1, CircuitComparison.Spearman(a, c, signed: false), 12);
        Assert.Equal(-1, CircuitComparison.Pearson(a, c), 12);
        Assert.InRange(CircuitComparison.Pearson(a, b), 0.8, 0.999);
        Assert.Equal(double.NaN, CircuitComparison.Kendall(a, new EdgeScores(Graph, new double[a.Values.Length]), signed: true));
        Assert.Equal(double.NaN, CircuitComparison.Spearman(a, new EdgeScores(Graph, new double[a.Values.Length]), signed: true));
    }

    [Fact]
    public void RanksOfEqualValuesAreShared() => Assert.Equal([2, 4.5, 1, 4.5, 3], RankCorrelation.Ranks([1, 7, 0, 7, 3]));

    [Fact]
    public void TauIsTheCountOverAllPairs()
    {
        var random = new Random(3);
        for (var trial = 0; trial < 200; trial++)
        {
            var n = random.Next(2, 40);
            double[] x = [.. Enumerable.Range(0, n).Select(_ => (double)random.Next(12))], y = [.. Enumerable.Range(0, n).Select(_ => (double)random.Next(12))];
            double sum = 0, untiedX = 0, untiedY = 0;
            for (var i = 0; i < n; i++)
            {
                for (var j = 0; j < i; j++)
                {
                    int sx = Math.Sign(x[i] - x[j]), sy = Math.Sign(y[i] - y[j]);
                    sum += sx * sy;
                    untiedX += Math.Abs(sx);
                    untiedY += Math.Abs(sy);
                }
            }
            Assert.Equal(sum / Math.Sqrt(untiedX * untiedY), RankCorrelation.TauB(x, y), 12);
        }
    }

    [Fact]
    public void DifferentModelsCannotBeCompared() =>
        Assert.Contains("2 layers of 2 heads and 3 layers of 2 heads", Assert.Throws<InputException>(() => CircuitComparison.Edges(Circuit.Empty(Graph), Circuit.Empty(new(3, 2)))).Message);
}
