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

/// <summary>
/// The graph of a pre-norm decoder over its residual stream (method.md §1). Sources u are numbered 0 … F−1: input, then per
/// layer its heads and its MLP; destination columns v are numbered 0 … N−1: per layer q, k and v of all heads, then the MLP
/// input; last logits. An edge is a pair (u, v) with u written before v is read; its index is u·N + v.
/// </summary>
/// <param name="Layers">L.</param>
/// <param name="Heads">H, query heads of a layer.</param>
/// <param name="Parallel">True when attention and MLP of a layer read the same stream.</param>
public sealed record ModelGraph(int Layers, int Heads, bool Parallel = false)
{
    /// <summary>F = 1 + L(H + 1).</summary>
    public int Sources => 1 + Layers * (Heads + 1);
    /// <summary>N = L(3H + 1) + 1.</summary>
    public int Columns => Layers * (3 * Heads + 1) + 1;
    /// <summary>Nodes: the sources and logits.</summary>
    public int Nodes => Sources + 1;
    /// <summary>The node number of logits.</summary>
    public int LogitsNode => Sources;
    /// <summary>Number of edges.</summary>
    public int Edges
    {
        get
        {
            var count = 0;
            for (var v = 0; v < Columns; v++) count += SourcesBefore(v);
            return count;
        }
    }

    /// <summary>The source number of a head.</summary>
    public int HeadNode(int layer, int head) => 1 + layer * (Heads + 1) + head;
    /// <summary>The source number of an MLP.</summary>
    public int MlpNode(int layer) => 1 + layer * (Heads + 1) + Heads;
    /// <summary>The column of a head's input; <paramref name="kind"/> is Query, Key or Value.</summary>
    public int HeadColumn(int layer, InputKind kind, int head) => layer * (3 * Heads + 1) + (int)kind * Heads + head;
    /// <summary>The column of an MLP's input.</summary>
    public int MlpColumn(int layer) => layer * (3 * Heads + 1) + 3 * Heads;
    /// <summary>The column of logits.</summary>
    public int LogitsColumn => Columns - 1;

    /// <summary>What a column is.</summary>
    public Destination DestinationOf(int column)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(column);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(column, Columns);
        if (column == LogitsColumn) return new(InputKind.Logits, Layers, -1);
        var (layer, rest) = Math.DivRem(column, 3 * Heads + 1);
        return rest == 3 * Heads ? new(InputKind.Mlp, layer, -1) : new((InputKind)(rest / Heads), layer, rest % Heads);
    }

    /// <summary>How many sources can feed a column: those numbered 0 … result−1.</summary>
    public int SourcesBefore(int column)
    {
        var to = DestinationOf(column);
        return 1 + to.Layer * (Heads + 1) + (to.Kind == InputKind.Mlp && !Parallel ? Heads : 0);
    }

    /// <summary>The node that a column belongs to.</summary>
    public int NodeOfColumn(int column)
    {
        var to = DestinationOf(column);
        return to.Kind switch { InputKind.Logits => LogitsNode, InputKind.Mlp => MlpNode(to.Layer), _ => HeadNode(to.Layer, to.Head) };
    }

    /// <summary>True when u → v is an edge.</summary>
    public bool IsEdge(int source, int column) => source >= 0 && source < SourcesBefore(column);

    /// <summary>A node's name: input, a3.h2, m3, logits.</summary>
    public string NodeName(int node)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(node);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(node, LogitsNode);
        if (node == 0) return "input";
        if (node == LogitsNode) return "logits";
        var (layer, rest) = Math.DivRem(node - 1, Heads + 1);
        return rest == Heads ? $"m{layer}" : $"a{layer}.h{rest}";
    }

    /// <summary>A column's name: a3.h2&lt;q&gt;, m3, logits.</summary>
    public string ColumnName(int column)
    {
        var suffix = DestinationOf(column).Kind switch { InputKind.Query => "<q>", InputKind.Key => "<k>", InputKind.Value => "<v>", _ => "" };
        return NodeName(NodeOfColumn(column)) + suffix;
    }

    /// <summary>An edge's name: input->a3.h2&lt;q&gt;.</summary>
    public string EdgeName(int source, int column) => NodeName(source) + "->" + ColumnName(column);
}
