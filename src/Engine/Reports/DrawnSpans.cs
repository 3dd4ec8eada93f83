using Faith.Engine.Graphs;

namespace Faith.Engine.Reports;

/// <summary>A node of a drawing over spans.</summary>
/// <param name="Number">Its number in the drawing.</param>
/// <param name="Label">Its name in the model.</param>
/// <param name="Span">Its span.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Layer">Its layer.</param>
/// <param name="Row">Its row, from the bottom up.</param>
internal sealed record DrawnSpanNode(int Number, string Label, int Span, NodeKind Kind, int Layer, int Row);

/// <summary>An edge of a drawing over spans.</summary>
/// <param name="Source">The number of the node it leaves.</param>
/// <param name="Target">The number of the node it enters.</param>
/// <param name="IsCrossing">True for one between spans.</param>
/// <param name="Kind">Which input it enters; of one between spans which it reads.</param>
/// <param name="Name">Its name.</param>
/// <param name="Score">Its score; null without scores.</param>
/// <param name="Strength">|score| over the largest |score|, 0 to 1; 1 without scores.</param>
/// <param name="Rank">1 for the strongest; ties by index.</param>
internal sealed record DrawnSpanEdge(int Source, int Target, bool IsCrossing, InputKind Kind, string Name, double? Score, double Strength, int Rank);

/// <summary>What there is to draw of a circuit over spans.</summary>
internal sealed class DrawnSpans
{
    private readonly int[] into, from;

    public DrawnSpans(SpanCircuit circuit, SpanScores? scores, string? title, CancellationToken cancellation)
    {
        if (scores is not null && !scores.Graph.Matches(circuit.Graph)) throw new InputException("the scores and the circuit are of different models or spans");
        (Graph, HasScores, Cancellation) = (circuit.Graph, scores is not null, cancellation);
        var model = Graph.Model;
        var places = circuit.NodesInCircuit();
        // Rows that hold something, from the bottom up.
        int RowOf(NodeId node) => model.PlaceOf(node) is var place && place.Kind == NodeKind.Mlp && !model.Parallel ? 2 * place.Layer + 1 : 2 * place.Layer;
        int[] rows = [.. places.Select(place => RowOf(place.Node)).Distinct().Order()];
        Rows = rows.Length;
        Nodes = [.. places.Select((place, i) => new DrawnSpanNode(i, model.NodeName(place.Node), place.Span, model.PlaceOf(place.Node).Kind, model.PlaceOf(place.Node).Layer, Array.IndexOf(rows, RowOf(place.Node))))];
        var numbers = places.Select((place, i) => (place, i)).ToDictionary(entry => entry.place, entry => entry.i);
        int NumberOf(int vertex) => Graph.PlaceOf(vertex) is var place ? numbers[(place.Node, place.Span)] : -1;
        var strengths = circuit.Edges.Select(edge => (Edge: edge, Strength: scores is null ? 1 : Math.Abs(scores[edge]))).ToArray();
        if (strengths.FirstOrDefault(edge => !double.IsFinite(edge.Strength)) is { Strength: not 0 } fault) throw new InputException($"the score of {Graph.EdgeName(fault.Edge)} is not a finite number: the circuit cannot be drawn");
        Largest = strengths.Length == 0 ? 0 : strengths.Max(edge => edge.Strength);
        Edges = [.. strengths.OrderByDescending(edge => edge.Strength).ThenBy(edge => edge.Edge).Select((entry, i) =>
        {
            var place = Graph.Of(entry.Edge);
            var column = place.Edge is { } within ? model.ColumnOf(within) : place.Port;
            return new DrawnSpanEdge(NumberOf(Graph.SourceOf(entry.Edge)), NumberOf(Graph.TargetOf(entry.Edge)), place.Edge is null, model.DestinationOf(column).Kind, Graph.EdgeName(entry.Edge),
                scores?[entry.Edge], Largest > 0 ? entry.Strength / Largest : 1, i + 1);
        })];
        (into, from) = (new int[Nodes.Count], new int[Nodes.Count]);
        foreach (var edge in Edges)
        {
            into[edge.Target]++;
            from[edge.Source]++;
        }
        Title = PlainText.Short(title ?? "Circuit", SvgText.LongestTitle);
        Subtitle = $"{Edges.Count:N0} of {Graph.Edges:N0} edges over {Graph.Spans.Count} spans, {Nodes.Count:N0} of {model.Nodes * Graph.Spans.Count:N0} nodes; {model.Layers} layers of {model.Heads} heads";
    }

    public SpanGraph Graph { get; }
    public bool HasScores { get; }
    /// <summary>The largest |score|.</summary>
    public double Largest { get; }
    public IReadOnlyList<DrawnSpanEdge> Edges { get; }
    public IReadOnlyList<DrawnSpanNode> Nodes { get; }
    /// <summary>Number of rows.</summary>
    public int Rows { get; }
    public string Title { get; }
    public string Subtitle { get; }
    public CancellationToken Cancellation { get; }

    /// <summary>What a node's tip says.</summary>
    public string Tip(DrawnSpanNode node)
    {
        Cancellation.ThrowIfCancellationRequested();
        return $"{node.Label}@{Graph.Spans[node.Span]}: {into[node.Number]} in, {from[node.Number]} out";
    }
}
