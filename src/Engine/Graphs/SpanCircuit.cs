using System.Collections;

namespace Faith.Engine.Graphs;

/// <summary>A set of edges of a <see cref="SpanGraph"/>.</summary>
public sealed class SpanCircuit
{
    private readonly BitArray members;

    /// <summary>The circuit of the given edges.</summary>
    public SpanCircuit(SpanGraph graph, IEnumerable<SpanEdgeId> edges)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(edges);
        Graph = graph;
        members = new BitArray(graph.Entries);
        foreach (var edge in edges)
        {
            if (!graph.IsEdge(edge)) throw new ArgumentException($"{edge.Index} is not an edge", nameof(edges));
            if (!members[edge]) EdgeCount++;
            members[edge] = true;
        }
    }

    /// <summary>The graph.</summary>
    public SpanGraph Graph { get; }
    /// <summary>Number of edges.</summary>
    public int EdgeCount { get; }
    /// <summary>True when nothing is left out.</summary>
    public bool IsFull => EdgeCount == Graph.Edges;
    /// <summary>True when the edge is in the circuit.</summary>
    public bool Contains(SpanEdgeId edge) => members[edge];

    /// <summary>The edges, ascending.</summary>
    public IEnumerable<SpanEdgeId> Edges
    {
        get
        {
            for (var e = 0; e < members.Length; e++)
            {
                if (members[e]) yield return new(e);
            }
        }
    }

    /// <summary>The nodes with an edge at either end, or at a port of theirs, as a node and a span: in the order of the model, then of the spans.</summary>
    public IReadOnlyList<(NodeId Node, int Span)> NodesInCircuit()
    {
        var inside = new SortedSet<(int Node, int Span)>();
        foreach (var vertex in Edges.SelectMany(e => (int[])[Graph.SourceOf(e), Graph.TargetOf(e)]))
        {
            var (node, _, span) = Graph.PlaceOf(vertex);
            inside.Add((node, span));
        }
        return [.. inside.Select(place => (new NodeId(place.Node), place.Span))];
    }

    /// <summary>The edges that are not in the circuit.</summary>
    public SpanCircuit Complement() => new(Graph, Graph.AllEdges.Where(edge => !Contains(edge)));

    /// <summary>Every edge of the graph.</summary>
    public static SpanCircuit Full(SpanGraph graph) => new(graph, graph.AllEdges);

    /// <summary>No edge.</summary>
    public static SpanCircuit Empty(SpanGraph graph) => new(graph, []);
}
