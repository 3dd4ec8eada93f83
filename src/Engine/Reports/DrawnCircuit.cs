using Faith.Engine.Graphs;

namespace Faith.Engine.Reports;

/// <summary>An edge of a drawing.</summary>
/// <param name="Id">The edge.</param>
/// <param name="Source">The node it leaves.</param>
/// <param name="Target">The node it enters.</param>
/// <param name="Kind">Which input it enters.</param>
/// <param name="Name">Its name.</param>
/// <param name="Score">Its score; null without scores.</param>
/// <param name="Strength">|score| over the largest |score|, 0 to 1; 1 without scores.</param>
/// <param name="Rank">1 for the strongest; ties by index.</param>
internal sealed record DrawnEdge(EdgeId Id, NodeId Source, NodeId Target, InputKind Kind, string Name, double? Score, double Strength, int Rank);

/// <summary>What there is to draw: the nodes of a circuit that have an edge, and its edges, strongest first.</summary>
internal sealed class DrawnCircuit
{
    private readonly NeuronSet? neurons;
    private readonly int[] into, from;

    public DrawnCircuit(Circuit circuit, EdgeScores? scores, string? title, CancellationToken cancellation = default)
    {
        if (scores is not null && scores.Graph != circuit.Graph) throw new InputException("the scores and the circuit are of different models");
        cancellation.ThrowIfCancellationRequested();
        Cancellation = cancellation;
        Graph = circuit.Graph;
        neurons = circuit.Neurons;
        var strengths = circuit.Edges.Select(e => (Edge: e, Strength: scores is null ? 1 : Math.Abs(scores[e]))).ToArray();
        foreach (var (edge, strength) in strengths)
        {
            if (double.IsFinite(strength)) continue;
            var name = Graph.EdgeName(edge);
            throw new InputException($"the score of {name} is not a finite number: the circuit cannot be drawn");
        }
        Largest = strengths.Length == 0 ? 0 : strengths.Max(e => e.Strength);
        HasScores = scores is not null;
        Edges = [.. strengths.OrderByDescending(e => e.Strength).ThenBy(e => e.Edge).Select((e, i) => new DrawnEdge(e.Edge, Graph.SourceOf(e.Edge), Graph.TargetOf(e.Edge),
            Graph.DestinationOf(Graph.ColumnOf(e.Edge)).Kind, Graph.EdgeName(e.Edge), scores?[e.Edge], Largest > 0 ? e.Strength / Largest : 1, i + 1))];
        (into, from) = (new int[Graph.Nodes], new int[Graph.Nodes]);
        foreach (var edge in Edges)
        {
            into[edge.Target]++;
            from[edge.Source]++;
        }
        var members = circuit.NodesInCircuit();
        Nodes = [.. Graph.AllSources.Append(Graph.LogitsNode).Where(n => members[n])];
        Title = PlainText.Short(title ?? "Circuit", SvgText.LongestTitle);
        Subtitle = $"{Count(Edges.Count, "edge")} of {Graph.Edges:N0}, {Count(Nodes.Count, "node")} of {Graph.Nodes:N0}; "
            + $"{Count(Graph.Layers, "layer")} of {Count(Graph.Heads, "head")}"
            + (neurons is null ? "" : $"; the edges carry {Count(neurons.Count, "neuron")} of {neurons.Most:N0}");
    }

    public ModelGraph Graph { get; }
    public bool HasScores { get; }
    /// <summary>The largest |score|.</summary>
    public double Largest { get; }
    public IReadOnlyList<DrawnEdge> Edges { get; }
    public IReadOnlyList<NodeId> Nodes { get; }
    public string Title { get; }
    public string Subtitle { get; }
    /// <summary>Set when the picture is no longer wanted; what goes over nodes or edges asks it.</summary>
    public CancellationToken Cancellation { get; }

    /// <summary>What a node's tip says: its edges, and its neurons where the circuit has only some.</summary>
    public string Tip(NodeId node)
    {
        Cancellation.ThrowIfCancellationRequested();
        var kept = neurons is null || node == Graph.LogitsNode ? "" : $"; {neurons.CountOf(node)} of {Count(neurons.Width, "neuron")}";
        return $"{Graph.NodeName(node)}: {into[node]} in, {from[node]} out{kept}";
    }

    private static string Count(int n, string what) => n == 1 ? $"1 {what}" : $"{n:N0} {what}s";
}
