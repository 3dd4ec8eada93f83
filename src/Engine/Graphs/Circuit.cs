using System.Collections;

namespace Faith.Engine.Graphs;

/// <summary>
/// A set of edges of a model's graph; with <see cref="Neurons"/>, of edges that carry some columns of their source's output only.
/// </summary>
public sealed class Circuit
{
    private readonly BitArray members;

    /// <summary>The circuit of the given edge indices (u·N + v), and of the neurons that they carry where that is not all of them.</summary>
    public Circuit(ModelGraph graph, IEnumerable<int> edges, NeuronSet? neurons = null)
    {
        (Graph, Neurons) = (graph, neurons);
        members = new BitArray(checked(graph.Sources * graph.Columns));
        foreach (var edge in edges)
        {
            if (!graph.IsEdge(edge / graph.Columns, edge % graph.Columns)) throw new ArgumentException($"{edge} is not an edge", nameof(edges));
            if (!members[edge]) EdgeCount++;
            members[edge] = true;
        }
    }

    private Circuit(Circuit edges, NeuronSet neurons) => (Graph, members, EdgeCount, Neurons) = (edges.Graph, edges.members, edges.EdgeCount, neurons);

    /// <summary>The same edges, carrying these neurons.</summary>
    internal Circuit Carrying(NeuronSet neurons) => new(this, neurons);

    /// <summary>The graph.</summary>
    public ModelGraph Graph { get; }
    /// <summary>Number of edges.</summary>
    public int EdgeCount { get; }
    /// <summary>The columns of z_u that the edges out of u carry, for every u; null: all of them.</summary>
    public NeuronSet? Neurons { get; }
    /// <summary>True when nothing is left out: every edge carries every neuron.</summary>
    public bool IsFull => EdgeCount == Graph.Edges && (Neurons is null || Neurons.Count == Neurons.Most);
    /// <summary>True when the edge of this index is in the circuit.</summary>
    public bool Contains(int edge) => members[edge];
    /// <summary>True when u → v is in the circuit.</summary>
    public bool Contains(int source, int column) => members[source * Graph.Columns + column];

    /// <summary>The edge indices, ascending.</summary>
    public IEnumerable<int> Edges
    {
        get
        {
            for (var e = 0; e < members.Length; e++)
            {
                if (members[e]) yield return e;
            }
        }
    }

    /// <summary>True for every node (sources, then logits) with an edge at either end; logits is always in.</summary>
    public bool[] NodesInCircuit()
    {
        var nodes = new bool[Graph.Nodes];
        nodes[Graph.LogitsNode] = true;
        foreach (var e in Edges)
        {
            nodes[e / Graph.Columns] = true;
            nodes[Graph.NodeOfColumn(e % Graph.Columns)] = true;
        }
        return nodes;
    }

    /// <summary>Every edge of the graph.</summary>
    public static Circuit Full(ModelGraph graph)
    {
        var edges = new List<int>();
        for (var u = 0; u < graph.Sources; u++)
        {
            for (var v = 0; v < graph.Columns; v++)
            {
                if (graph.IsEdge(u, v)) edges.Add(u * graph.Columns + v);
            }
        }
        return new(graph, edges);
    }

    /// <summary>No edge.</summary>
    public static Circuit Empty(ModelGraph graph) => new(graph, []);
}
