using System.Collections;

namespace Faith.Engine.Graphs;

/// <summary>
/// A set of edges of a model's graph; with <see cref="Neurons"/>, of edges that carry some columns of their source's output only.
/// </summary>
public sealed class Circuit
{
    private readonly BitArray members;

    /// <summary>The circuit of the given edges, and of the neurons that they carry where that is not all of them.</summary>
    public Circuit(ModelGraph graph, IEnumerable<EdgeId> edges, NeuronSet? neurons = null)
    {
        (Graph, Neurons) = (graph, neurons);
        members = new BitArray(graph.Pairs);
        foreach (var edge in edges)
        {
            if (!graph.IsEdge(graph.SourceOf(edge), graph.ColumnOf(edge))) throw new ArgumentException($"{edge.Index} is not an edge", nameof(edges));
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
    /// <summary>True when the edge is in the circuit.</summary>
    public bool Contains(EdgeId edge) => members[edge];

    /// <summary>The edges, ascending.</summary>
    public IEnumerable<EdgeId> Edges
    {
        get
        {
            for (var e = 0; e < members.Length; e++)
            {
                if (members[e]) yield return new(e);
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
            nodes[Graph.SourceOf(e)] = true;
            nodes[Graph.TargetOf(e)] = true;
        }
        return nodes;
    }

    /// <summary>The edges that are not in the circuit; of a circuit of edges.</summary>
    /// <exception cref="InvalidOperationException">The circuit carries only some neurons, so that what is outside it is no set of edges.</exception>
    public Circuit Complement() => Neurons is null ? new(Graph, Graph.AllEdges.Where(e => !Contains(e)))
        : throw new InvalidOperationException("what is outside a circuit of neurons is no set of edges");

    /// <summary>Every edge of the graph.</summary>
    public static Circuit Full(ModelGraph graph) => new(graph, graph.AllEdges);

    /// <summary>No edge.</summary>
    public static Circuit Empty(ModelGraph graph) => new(graph, []);
}
