using Faith.Engine.Graphs;

namespace Faith.Engine.Circuits;

/// <summary>Selects circuits over spans, as <see cref="CircuitSelection"/> does those of whole prompts: with one span they are the same.</summary>
public static class SpanSelection
{
    /// <summary>The names of the selections that take a number of edges.</summary>
    public static IReadOnlyList<string> Names { get; } = ["top", "greedy"];

    /// <summary>The best edges, pruned.</summary>
    /// <param name="scores">The scores.</param>
    /// <param name="select">One of <see cref="Names"/>.</param>
    /// <param name="edges">How many before pruning.</param>
    /// <param name="signed">Rank by the score rather than by |score|.</param>
    /// <exception cref="InputException">The graph has fewer edges, a score is not a number, or the selection is not of spans.</exception>
    public static SpanCircuit Select(SpanScores scores, string select, int edges, bool signed)
    {
        ArgumentNullException.ThrowIfNull(scores);
        var graph = scores.Graph;
        if (edges < 0 || edges > graph.Edges) throw new InputException($"a circuit of {edges} edges was asked for, but the graph has {graph.Edges}");
        return select switch
        {
            "top" => Prune(new(graph, graph.AllEdges.OrderByDescending(edge => Key(scores, edge, signed)).ThenBy(edge => edge).Take(edges))),
            "greedy" => Prune(Greedy(scores, edges, signed)),
            _ => throw new InputException($"--select {select} does not select edges of spans; give {string.Join(" or ", Names)}"),
        };
    }

    /// <summary>Every edge with a |score| (or score) of <paramref name="threshold"/> or more, pruned.</summary>
    /// <exception cref="InputException">The threshold or a score is not a number.</exception>
    public static SpanCircuit Threshold(SpanScores scores, double threshold, bool signed)
    {
        ArgumentNullException.ThrowIfNull(scores);
        var bound = RankingKeys.OfThreshold(threshold);
        return Prune(new(scores.Graph, scores.Graph.AllEdges.Where(edge => Key(scores, edge, signed) >= bound)));
    }

    /// <summary>How many heads and MLPs at spans there are to select from.</summary>
    public static int NodesOf(SpanGraph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        return (graph.Model.Sources - 1) * graph.Spans.Count;
    }

    /// <summary>The best heads and MLPs at spans with every edge between them, pruned.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="scores">Scores [F·S]: entry u·S + s is node u at span s.</param>
    /// <param name="nodes">How many.</param>
    /// <param name="signed">Rank by the score rather than by |score|.</param>
    /// <exception cref="InputException">There are fewer, or a score is not a number.</exception>
    public static SpanCircuit TopNodes(SpanGraph graph, IReadOnlyList<double> scores, int nodes, bool signed) => Prune(SpanNodeSelection.Select(graph, scores, nodes, signed));

    /// <summary>The heads and MLPs at spans with a |score| (or score) of <paramref name="threshold"/> or more and every edge between them, pruned.</summary>
    /// <exception cref="InputException">The threshold or a score is not a number.</exception>
    public static SpanCircuit ThresholdNodes(SpanGraph graph, IReadOnlyList<double> scores, double threshold, bool signed) => Prune(SpanNodeSelection.AtLeast(graph, scores, threshold, signed));

    /// <summary>
    /// Prunes to the fixed point: a vertex stays if the input reaches it and it reaches logits, an edge if both of its ends do. A head reads the keys and values of its own span without an edge.
    /// </summary>
    public static SpanCircuit Prune(SpanCircuit circuit)
    {
        ArgumentNullException.ThrowIfNull(circuit);
        var graph = circuit.Graph;
        var outEdges = circuit.Edges.ToLookup(graph.SourceOf);
        var (fed, alive) = (new bool[graph.Vertices], new bool[graph.Vertices]);
        IEnumerable<int> Readers(int vertex) => outEdges[vertex].Select(graph.TargetOf).Concat(graph.PlaceOf(vertex) is { Port: not null } port ? [graph.Vertex(port.Node, port.Span)] : []);
        for (var s = 0; s < graph.Spans.Count; s++) fed[graph.Vertex(ModelGraph.InputNode, s)] = alive[graph.Vertex(graph.Model.LogitsNode, s)] = true;
        for (var vertex = 0; vertex < graph.Vertices; vertex++)
        {
            if (fed[vertex]) foreach (var reader in Readers(vertex)) fed[reader] = true;
        }
        for (var vertex = graph.Vertices - 1; vertex >= 0; vertex--) alive[vertex] |= Readers(vertex).Any(reader => alive[reader]);
        SpanEdgeId[] kept = [.. circuit.Edges.Where(edge => fed[graph.SourceOf(edge)] && alive[graph.TargetOf(edge)])];
        return kept.Length == circuit.EdgeCount ? circuit : new(graph, kept);
    }

    /// <summary>From logits downwards: the best edge into a vertex of the circuit; a new source brings its own in-edges, and a head its ports.</summary>
    private static SpanCircuit Greedy(SpanScores scores, int count, bool signed)
    {
        var graph = scores.Graph;
        var candidates = new PriorityQueue<SpanEdgeId, UInt128>();
        var inside = new bool[graph.Vertices];
        var chosen = new List<SpanEdgeId>(count);
        for (var s = 0; s < graph.Spans.Count; s++) Enter(graph.Vertex(graph.Model.LogitsNode, s));
        while (chosen.Count < count)
        {
            var edge = candidates.Dequeue();
            chosen.Add(edge);
            Enter(graph.SourceOf(edge));
        }
        return new(graph, chosen);

        void Enter(int vertex)
        {
            if (inside[vertex]) return;
            inside[vertex] = true;
            foreach (var edge in graph.InEdges(vertex)) candidates.Enqueue(edge, new UInt128(~Key(scores, edge, signed), (ulong)edge.Index));
            foreach (var port in graph.PortsOf(vertex)) Enter(port);
        }
    }

    private static ulong Key(SpanScores scores, SpanEdgeId edge, bool signed) => RankingKeys.Of(scores[edge], signed, () => scores.Graph.EdgeName(edge));
}
