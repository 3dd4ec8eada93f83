using System.Collections;

namespace Faith.Engine.Graphs;

/// <summary>A set of neurons: columns of the outputs z_u of a graph's sources. Neuron u·d + c is column c of z_u.</summary>
public sealed class NeuronSet
{
    private readonly ModelGraph graph;
    private readonly BitArray members;
    private readonly int[] counts;

    /// <summary>The set of the given neurons of a model of width <paramref name="width"/>.</summary>
    public NeuronSet(ModelGraph graph, int width, IEnumerable<int> neurons)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(neurons);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        (this.graph, Width) = (graph, width);
        members = new BitArray(checked(graph.Sources * width));
        counts = new int[graph.Sources];
        foreach (var neuron in neurons)
        {
            if (neuron < 0 || neuron >= members.Length) throw new ArgumentException($"{neuron} is not a neuron", nameof(neurons));
            if (!members[neuron]) counts[neuron / width]++;
            members[neuron] = true;
        }
        Count = counts.Sum();
    }

    private NeuronSet(ModelGraph graph, int width, BitArray members, int[] counts)
    {
        (this.graph, Width, this.members, this.counts) = (graph, width, members, counts);
        Count = counts.Sum();
    }

    /// <summary>d, the columns of an output.</summary>
    public int Width { get; }
    /// <summary>Number of neurons.</summary>
    public int Count { get; }
    /// <summary>Number of neurons of the graph: F·d.</summary>
    public int Most => members.Length;
    /// <summary>True when column <paramref name="column"/> of the output of <paramref name="node"/> is in the set.</summary>
    public bool Contains(NodeId node, int column) => members[Neuron(node, column)];
    /// <summary>Number of neurons of one node.</summary>
    public int CountOf(NodeId node) => counts[node];
    /// <summary>True when every neuron of a node is in the set.</summary>
    public bool HasAllOf(NodeId node) => counts[node] == Width;

    /// <summary>Every neuron of a model.</summary>
    internal static NeuronSet All(ModelGraph graph, int width)
    {
        ArgumentNullException.ThrowIfNull(graph);
        var counts = new int[graph.Sources];
        Array.Fill(counts, width);
        return new(graph, width, new BitArray(checked(graph.Sources * width), true), counts);
    }

    /// <summary>The set without one neuron.</summary>
    internal NeuronSet Without(NodeId node, int column)
    {
        var (fewer, less) = (new BitArray(members), (int[])counts.Clone());
        if (Contains(node, column)) less[node]--;
        fewer[Neuron(node, column)] = false;
        return new(graph, Width, fewer, less);
    }

    /// <summary>The neurons of some nodes only; <paramref name="nodes"/> says by node number which.</summary>
    public NeuronSet In(IReadOnlyList<bool> nodes) =>
        new(graph, Width, Enumerable.Range(0, Most).Where(n => members[n] && nodes[n / Width]));

    private int Neuron(NodeId node, int column) => node * Width + column;
}
