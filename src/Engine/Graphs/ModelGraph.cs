namespace Faith.Engine.Graphs;

/// <summary>Which input of a node an edge feeds.</summary>
public enum InputKind
{
    /// <summary>The query input of a head.</summary>
    Query,
    /// <summary>The key input of a head.</summary>
    Key,
    /// <summary>The value input of a head.</summary>
    Value,
    /// <summary>The input of an MLP.</summary>
    Mlp,
    /// <summary>The input of the final norm.</summary>
    Logits,
}

/// <summary>A destination: one input of one node.</summary>
/// <param name="Kind">Which input.</param>
/// <param name="Layer">Its layer; the number of layers for logits.</param>
/// <param name="Head">Its head; −1 for an MLP and logits.</param>
public readonly record struct Destination(InputKind Kind, int Layer, int Head);

/// <summary>What a node is.</summary>
public enum NodeKind
{
    /// <summary>The token embeddings.</summary>
    Input,
    /// <summary>A head.</summary>
    Head,
    /// <summary>An MLP.</summary>
    Mlp,
    /// <summary>The end of the stream.</summary>
    Logits,
}

/// <summary>Where a node is.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Layer">Its layer; −1 for input, the number of layers for logits.</param>
/// <param name="Head">Its head; −1 where it is none.</param>
public readonly record struct NodePlace(NodeKind Kind, int Layer, int Head);

/// <summary>
/// The graph of a pre-norm decoder over its residual stream (method.md §1), and all arithmetic of its numbers. Sources u are numbered
/// 0 … F−1: input, then per layer its heads and its MLP; destination columns v are numbered 0 … N−1: per layer q, k and v of all heads,
/// then the MLP input; last logits. An edge is a pair (u, v) with u written before v is read; its index is u·N + v. Sources that are
/// computed together are a stage: 0 the input, 1 + 2l the heads of layer l, 2 + 2l its MLP.
/// </summary>
/// <param name="Layers">L.</param>
/// <param name="Heads">H, query heads of a layer.</param>
/// <param name="Parallel">True when attention and MLP of a layer read the same stream.</param>
public sealed record ModelGraph(int Layers, int Heads, bool Parallel = false)
{
    /// <summary>F = 1 + L(H + 1).</summary>
    public int Sources => 1 + Layers * NodesOfLayer;
    /// <summary>N = L(3H + 1) + 1.</summary>
    public int Columns => Layers * ColumnsOfLayer + 1;
    /// <summary>F·N, the entries of a dense matrix of scores.</summary>
    public int Pairs => checked(Sources * Columns);
    /// <summary>True where so many layers and heads give a graph whose pairs can be numbered and held.</summary>
    public static bool CanHold(long layers, long heads) => (Int128)(1 + layers * (heads + 1)) * (1 + layers * (3 * heads + 1)) <= Array.MaxLength;
    /// <summary>Nodes: the sources and logits.</summary>
    public int Nodes => Sources + 1;
    /// <summary>2L + 1.</summary>
    public int Stages => 1 + 2 * Layers;
    /// <summary>Number of edges.</summary>
    public int Edges => AllColumns.Sum(SourcesBefore);

    /// <summary>The node of the token embeddings.</summary>
    public static NodeId InputNode => new(0);
    /// <summary>The node of logits.</summary>
    public NodeId LogitsNode => new(Sources);
    /// <summary>The node of a head.</summary>
    public NodeId HeadNode(int layer, int head) => new(1 + layer * NodesOfLayer + head);
    /// <summary>The node of an MLP.</summary>
    public NodeId MlpNode(int layer) => HeadNode(layer, Heads);
    /// <summary>The column of a head's input; <paramref name="kind"/> is Query, Key or Value.</summary>
    public ColumnId HeadColumn(int layer, InputKind kind, int head) => new(layer * ColumnsOfLayer + (int)kind * Heads + head);
    /// <summary>The column of an MLP's input.</summary>
    public ColumnId MlpColumn(int layer) => HeadColumn(layer, InputKind.Mlp, 0);
    /// <summary>The column of logits.</summary>
    public ColumnId LogitsColumn => new(Columns - 1);
    /// <summary>The stage of a layer's heads.</summary>
    public static int HeadsStage(int layer) => 1 + 2 * layer;
    /// <summary>The stage of a layer's MLP.</summary>
    public static int MlpStage(int layer) => 2 + 2 * layer;
    /// <summary>The layer of a stage; −1 for the input.</summary>
    public static int LayerOfStage(int stage) => stage == 0 ? -1 : (stage - 1) / 2;

    /// <summary>The sources, ascending.</summary>
    public IEnumerable<NodeId> AllSources => Enumerable.Range(0, Sources).Select(u => new NodeId(u));
    /// <summary>The columns, ascending.</summary>
    public IEnumerable<ColumnId> AllColumns => Enumerable.Range(0, Columns).Select(v => new ColumnId(v));
    /// <summary>The edges, ascending.</summary>
    public IEnumerable<EdgeId> AllEdges => AllSources.SelectMany(OutEdges);
    /// <summary>The edges out of a source, ascending: to columns that are the last ones, since how many sources feed a column never falls from one to the next.</summary>
    public IEnumerable<EdgeId> OutEdges(NodeId source)
    {
        for (var v = FirstColumnAfter(source).Index; v < Columns; v++) yield return Edge(source, new(v));
    }
    /// <summary>The edges into a column, ascending.</summary>
    public IEnumerable<EdgeId> InEdges(ColumnId column) => Enumerable.Range(0, SourcesBefore(column)).Select(u => Edge(new(u), column));
    /// <summary>The columns of a node's inputs, ascending: q, k and v of a head; none of the input.</summary>
    public IEnumerable<ColumnId> ColumnsOf(NodeId node) => PlaceOf(node) switch
    {
        (NodeKind.Head, var layer, var head) => [HeadColumn(layer, InputKind.Query, head), HeadColumn(layer, InputKind.Key, head), HeadColumn(layer, InputKind.Value, head)],
        (NodeKind.Mlp, var layer, _) => [MlpColumn(layer)],
        (NodeKind.Logits, _, _) => [LogitsColumn],
        _ => [],
    };

    /// <summary>The pair (u, v).</summary>
    public EdgeId Edge(NodeId source, ColumnId column) => new(source.Index * Columns + column.Index);
    /// <summary>u of a pair.</summary>
    public NodeId SourceOf(EdgeId edge) => new(edge.Index / Columns);
    /// <summary>v of a pair.</summary>
    public ColumnId ColumnOf(EdgeId edge) => new(edge.Index % Columns);
    /// <summary>The node that a pair leads into.</summary>
    public NodeId TargetOf(EdgeId edge) => NodeOfColumn(ColumnOf(edge));

    /// <summary>What a column is.</summary>
    public Destination DestinationOf(ColumnId column)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(column.Index, nameof(column));
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(column.Index, Columns, nameof(column));
        if (column == LogitsColumn) return new(InputKind.Logits, Layers, -1);
        var (layer, rest) = Math.DivRem(column.Index, ColumnsOfLayer);
        return rest == 3 * Heads ? new(InputKind.Mlp, layer, -1) : new((InputKind)(rest / Heads), layer, rest % Heads);
    }

    /// <summary>Where a node is.</summary>
    public NodePlace PlaceOf(NodeId node)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(node.Index, nameof(node));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(node.Index, LogitsNode.Index, nameof(node));
        if (node == InputNode) return new(NodeKind.Input, -1, -1);
        if (node == LogitsNode) return new(NodeKind.Logits, Layers, -1);
        var (layer, rest) = Math.DivRem(node.Index - 1, NodesOfLayer);
        return rest == Heads ? new(NodeKind.Mlp, layer, -1) : new(NodeKind.Head, layer, rest);
    }

    /// <summary>The stage of a source.</summary>
    public int StageOf(NodeId source) => PlaceOf(source) switch
    {
        (NodeKind.Input, _, _) => 0,
        (NodeKind.Head, var layer, _) => HeadsStage(layer),
        (_, var layer, _) => MlpStage(layer),
    };

    /// <summary>How many sources can feed a column: those numbered 0 … result−1.</summary>
    public int SourcesBefore(ColumnId column)
    {
        var to = DestinationOf(column);
        return 1 + to.Layer * NodesOfLayer + (to.Kind == InputKind.Mlp && !Parallel ? Heads : 0);
    }

    /// <summary>Of how many layers, from the first on, the heads can feed a column.</summary>
    public int LayersOfHeadsBefore(ColumnId column) => DestinationOf(column) is var to && to.Kind == InputKind.Mlp && !Parallel ? to.Layer + 1 : to.Layer;

    /// <summary>The first of the columns that a source can feed, which are the last ones.</summary>
    public ColumnId FirstColumnAfter(NodeId source) => PlaceOf(source) switch
    {
        (NodeKind.Input, _, _) => new(0),
        (NodeKind.Head, var layer, _) when !Parallel => MlpColumn(layer),
        (_, var layer, _) => new((layer + 1) * ColumnsOfLayer),
    };

    /// <summary>The node that a column belongs to.</summary>
    public NodeId NodeOfColumn(ColumnId column)
    {
        var to = DestinationOf(column);
        return to.Kind switch { InputKind.Logits => LogitsNode, InputKind.Mlp => MlpNode(to.Layer), _ => HeadNode(to.Layer, to.Head) };
    }

    /// <summary>True when u → v is an edge.</summary>
    public bool IsEdge(NodeId source, ColumnId column) => source >= 0 && source < SourcesBefore(column);

    /// <summary>A node's name: input, a3.h2, m3, logits.</summary>
    public string NodeName(NodeId node) => PlaceOf(node) switch
    {
        (NodeKind.Input, _, _) => "input",
        (NodeKind.Head, var layer, var head) => $"a{layer}.h{head}",
        (NodeKind.Mlp, var layer, _) => $"m{layer}",
        _ => "logits",
    };

    /// <summary>A column's name: a3.h2&lt;q&gt;, m3, logits.</summary>
    public string ColumnName(ColumnId column)
    {
        var suffix = DestinationOf(column).Kind switch { InputKind.Query => "<q>", InputKind.Key => "<k>", InputKind.Value => "<v>", _ => "" };
        return NodeName(NodeOfColumn(column)) + suffix;
    }

    /// <summary>An edge's name: input->a3.h2&lt;q&gt;.</summary>
    public string EdgeName(EdgeId edge) => NodeName(SourceOf(edge)) + "->" + ColumnName(ColumnOf(edge));

    private int NodesOfLayer => Heads + 1;
    private int ColumnsOfLayer => 3 * Heads + 1;
}
