using System.Globalization;

namespace Faith.Engine.Graphs;

/// <summary>
/// The graph of a model over spans of its prompts (method.md §11), and all arithmetic of its numbers. Every edge u→v of the model is there once a span, between
/// what u writes at the span's positions and what v reads there: u@s->v@s. Positions meet in attention alone: the head h at the positions of a span t reads the keys
/// (values) that it has at the positions of another span s by the edge a3.h2&lt;k&gt;@s->a3.h2@t. Keys and values of its own span it reads without one.
/// <para>
/// The vertices of one span are those of the model, and of every head the two <i>ports</i> at which its keys and values are read. Their numbers are a topological order.
/// </para>
/// </summary>
public sealed class SpanGraph
{
    /// <summary>The span of the tokens that no span of the data has.</summary>
    public const string Rest = "rest";
    /// <summary>The span of the begin token that stands before a text.</summary>
    public const string Begin = "bos";
    // Entries that scores may have: sums of them take 40 bytes each.
    private const long MostEntries = 1 << 25;
    private static readonly InputKind[] PortKinds = [InputKind.Key, InputKind.Value];

    private readonly Dictionary<string, int> numbers = [];
    private readonly bool inOrder;

    /// <summary>The graph of a model over the spans of these names.</summary>
    /// <exception cref="InputException">There are more edges than can be held.</exception>
    public SpanGraph(ModelGraph model, IReadOnlyList<string> spans)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(spans);
        (Model, Spans) = (model, [.. spans]);
        if (!CanHold(model, spans.Count)) throw new InputException($"{spans.Count} spans of a model with {model.Edges} edges are more than can be held; take fewer spans or shorter prompts");
        Entries = (int)EntriesOf(model, spans.Count);
        for (var s = 0; s < Spans.Count; s++)
        {
            if (!numbers.TryAdd(Spans[s], s)) throw new ArgumentException($"two spans are called {Spans[s]}", nameof(spans));
        }
        inOrder = AreTokens(Spans);
        var pairs = Spans.Count * (Spans.Count - 1) / (inOrder ? 2 : 1);
        Edges = Spans.Count * Model.Edges + pairs * 2 * Model.Layers * Model.Heads;
    }

    /// <summary>The model's graph.</summary>
    public ModelGraph Model { get; }
    /// <summary>The names of the spans.</summary>
    public IReadOnlyList<string> Spans { get; }
    /// <summary>Entries of an array of scores: S·F·N of edges within spans, then those of edges between spans. Some belong to no edge.</summary>
    public int Entries { get; }
    /// <summary>Number of edges.</summary>
    public int Edges { get; }
    /// <summary>Number of vertices.</summary>
    public int Vertices => Model.Nodes * VerticesOfNode;

    /// <summary>True where the edges over so many spans can be held.</summary>
    public static bool CanHold(ModelGraph model, int spans) => EntriesOf(model, spans) <= MostEntries;

    /// <summary>True where spans are single tokens, called by their numbers (and maybe a begin token before them): of these only earlier ones are read from later ones.</summary>
    public static bool AreTokens(IReadOnlyList<string> spans)
    {
        ArgumentNullException.ThrowIfNull(spans);
        var first = spans is [Begin, ..] ? 1 : 0;
        return spans.Count > first && spans.Skip(first).Select((name, i) => name == i.ToString(CultureInfo.InvariantCulture)).All(isNumber => isNumber);
    }

    /// <summary>True for the same model and the same spans in the same order.</summary>
    public bool Matches(SpanGraph other) => other is not null && Model == other.Model && Spans.SequenceEqual(other.Spans);

    /// <summary>The span called <paramref name="name"/>, or -1.</summary>
    public int SpanOf(ReadOnlySpan<char> name) => numbers.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(name, out var span) ? span : -1;

    /// <summary>The pairs of spans (s, t) such that heads at t can read keys and values at s.</summary>
    public IEnumerable<(int From, int To)> Pairs =>
        Enumerable.Range(0, Spans.Count).SelectMany(from => Enumerable.Range(0, Spans.Count).Where(to => Crosses(from, to)).Select(to => (from, to)));

    /// <summary>The edges, ascending.</summary>
    public IEnumerable<SpanEdgeId> AllEdges => Enumerable.Range(0, Spans.Count).SelectMany(s => Model.AllEdges.Select(edge => Within(s, edge))).Concat(CrossingEdges);

    /// <summary>The edges between spans, ascending.</summary>
    public IEnumerable<SpanEdgeId> CrossingEdges => from pair in Pairs
                                                    from kind in PortKinds
                                                    from layer in Enumerable.Range(0, Model.Layers)
                                                    from head in Enumerable.Range(0, Model.Heads)
                                                    select Crossing(kind, layer, head, pair.From, pair.To);

    /// <summary>The edge u@s->v@s.</summary>
    public SpanEdgeId Within(int span, EdgeId edge) => new(span * Model.Pairs + edge);

    /// <summary>The edge by which a head at the span <paramref name="to"/> reads its keys or values at <paramref name="from"/>.</summary>
    public SpanEdgeId Crossing(InputKind kind, int layer, int head, int from, int to) =>
        new(Spans.Count * Model.Pairs + (((from * Spans.Count + to) * 2 + (kind == InputKind.Key ? 0 : 1)) * Model.Layers + layer) * Model.Heads + head);

    /// <summary>What an edge is.</summary>
    public SpanEdge Of(SpanEdgeId edge)
    {
        if (edge < Spans.Count * Model.Pairs) return new(new EdgeId(edge % Model.Pairs), default, edge / Model.Pairs, edge / Model.Pairs);
        var (rest, head) = Math.DivRem(edge - Spans.Count * Model.Pairs, Model.Heads);
        (rest, var layer) = Math.DivRem(rest, Model.Layers);
        (rest, var kind) = Math.DivRem(rest, 2);
        return new(null, Model.HeadColumn(layer, PortKinds[kind], head), rest / Spans.Count, rest % Spans.Count);
    }

    /// <summary>True when the number is that of an edge.</summary>
    public bool IsEdge(SpanEdgeId edge)
    {
        if (edge < 0 || edge >= Entries) return false;
        var place = Of(edge);
        return place.Edge is { } within ? Model.IsEdge(Model.SourceOf(within), Model.ColumnOf(within)) : Crosses(place.From, place.To);
    }

    /// <summary>The vertex of a node at a span.</summary>
    public int Vertex(NodeId node, int span) => node * VerticesOfNode + 2 * Spans.Count + span;

    /// <summary>The vertex that a column leads into: the port of a key or value, else its node.</summary>
    public int VertexOfColumn(ColumnId column, int span) => Model.DestinationOf(column).Kind switch
    {
        InputKind.Key => Model.NodeOfColumn(column) * VerticesOfNode + span,
        InputKind.Value => Model.NodeOfColumn(column) * VerticesOfNode + Spans.Count + span,
        _ => Vertex(Model.NodeOfColumn(column), span),
    };

    /// <summary>The node and the span of a vertex, and which port of the node it is; null: none.</summary>
    public (NodeId Node, InputKind? Port, int Span) PlaceOf(int vertex)
    {
        var (node, rest) = Math.DivRem(vertex, VerticesOfNode);
        var (port, span) = Math.DivRem(rest, Spans.Count);
        return (new(node), port < 2 ? PortKinds[port] : null, span);
    }

    /// <summary>Where an edge begins.</summary>
    public int SourceOf(SpanEdgeId edge) => Of(edge) is var place && place.Edge is { } within ? Vertex(Model.SourceOf(within), place.From) : VertexOfColumn(place.Port, place.From);

    /// <summary>Where an edge ends.</summary>
    public int TargetOf(SpanEdgeId edge) => Of(edge) is var place && place.Edge is { } within ? VertexOfColumn(Model.ColumnOf(within), place.To) : Vertex(Model.NodeOfColumn(place.Port), place.To);

    /// <summary>The ports that a vertex reads without an edge: those of a head at its own span.</summary>
    public IEnumerable<int> PortsOf(int vertex)
    {
        var (node, port, span) = PlaceOf(vertex);
        return port is null && Model.PlaceOf(node) is { Kind: NodeKind.Head } head ? PortKinds.Select(kind => VertexOfColumn(Model.HeadColumn(head.Layer, kind, head.Head), span)) : [];
    }

    /// <summary>The edges into a vertex.</summary>
    public IEnumerable<SpanEdgeId> InEdges(int vertex)
    {
        var (node, port, span) = PlaceOf(vertex);
        var within = Model.ColumnsOf(node).Where(column => VertexOfColumn(column, span) == vertex).SelectMany(Model.InEdges).Select(edge => Within(span, edge));
        if (port is not null || Model.PlaceOf(node) is not { Kind: NodeKind.Head } head) return within;
        return within.Concat(Enumerable.Range(0, Spans.Count).Where(from => Crosses(from, span)).SelectMany(from => PortKinds.Select(kind => Crossing(kind, head.Layer, head.Head, from, span))));
    }

    /// <summary>A node at a span: a3.h2@subject.</summary>
    public string NodeName(NodeId node, int span) => $"{Model.NodeName(node)}@{Spans[span]}";

    /// <summary>An edge's name: input@subject->a3.h2&lt;q&gt;@subject, a3.h2&lt;k&gt;@subject->a3.h2@end.</summary>
    public string EdgeName(SpanEdgeId edge)
    {
        var place = Of(edge);
        return place.Edge is { } within ? $"{NodeName(Model.SourceOf(within), place.From)}->{Model.ColumnName(Model.ColumnOf(within))}@{Spans[place.To]}"
            : $"{Model.ColumnName(place.Port)}@{Spans[place.From]}->{NodeName(Model.NodeOfColumn(place.Port), place.To)}";
    }

    /// <summary>The edge called <paramref name="name"/>; only the name that <see cref="EdgeName"/> gives is accepted.</summary>
    public bool TryParseEdge(ReadOnlySpan<char> name, out SpanEdgeId edge)
    {
        edge = default;
        if (name.IndexOf("->") is not (> 0 and var arrow) || !TrySplit(name[..arrow], out var source, out var from) || !TrySplit(name[(arrow + 2)..], out var target, out var to)) return false;
        if (from == to && GraphNames.TryParseNode(Model, source, out var node) && GraphNames.TryParseColumn(Model, target, out var column) && Model.IsEdge(node, column)) edge = Within(from, Model.Edge(node, column));
        else if (Crosses(from, to) && GraphNames.TryParseColumn(Model, source, out var port) && Model.DestinationOf(port) is { Kind: InputKind.Key or InputKind.Value } head
            && GraphNames.TryParseNode(Model, target, out var reader) && reader == Model.NodeOfColumn(port)) edge = Crossing(head.Kind, head.Layer, head.Head, from, to);
        else return false;
        return true;
    }

    /// <summary>A name cut at its last @; false without one or where no span is called so.</summary>
    public bool TrySplit(ReadOnlySpan<char> name, out ReadOnlySpan<char> what, out int span)
    {
        var at = name.LastIndexOf('@');
        what = at < 0 ? default : name[..at];
        span = at < 0 ? -1 : SpanOf(name[(at + 1)..]);
        return span >= 0;
    }

    /// <summary>Why a span cannot be called so; null where it can.</summary>
    public static string? Fault(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name.Length is 0 or > 100) return "is empty or longer than 100 characters";
        if (name.Contains('@', StringComparison.Ordinal) || name.Contains("->", StringComparison.Ordinal) || PlainText.Line(name) != name) return "holds @, -> or what is no printable character, which names of edges cannot have";
        return name.All(char.IsAsciiDigit) ? "is a number, as single tokens are called" : null;
    }

    /// <summary>Entries that the graph over so many spans has; more than can be held or not.</summary>
    internal static Int128 EntriesOf(ModelGraph model, Int128 spans) => spans * model.Pairs + 2 * spans * spans * model.Layers * model.Heads;

    private int VerticesOfNode => 3 * Spans.Count;

    /// <summary>True where heads at one span can read keys and values at another.</summary>
    public bool Crosses(int from, int to) => from != to && (!inOrder || from < to);
}
