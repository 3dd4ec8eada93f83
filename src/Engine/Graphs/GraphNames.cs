namespace Faith.Engine.Graphs;

/// <summary>
/// Names back to numbers. Only the name that <see cref="ModelGraph"/> itself gives is accepted ("a3.h2", not "a03.h2"), so that
/// a name in a file stands for exactly one node or edge.
/// </summary>
public static class GraphNames
{
    /// <summary>The node called <paramref name="name"/>: input, a3.h2, m3, logits.</summary>
    public static bool TryParseNode(ModelGraph graph, ReadOnlySpan<char> name, out NodeId node)
    {
        if (name is "input") return Found(ModelGraph.InputNode, out node);
        if (name is "logits") return Found(graph.LogitsNode, out node);
        if (name is ['m', ..] && TryParseIndex(name[1..], graph.Layers, out var layer)) return Found(graph.MlpNode(layer), out node);
        if (TryParseHead(graph, name, out layer, out var head)) return Found(graph.HeadNode(layer, head), out node);
        node = default;
        return false;
    }

    /// <summary>The column called <paramref name="name"/>: a3.h2&lt;q&gt;, m3, logits.</summary>
    public static bool TryParseColumn(ModelGraph graph, ReadOnlySpan<char> name, out ColumnId column)
    {
        if (name is "logits") return Found(graph.LogitsColumn, out column);
        if (name is ['m', ..] && TryParseIndex(name[1..], graph.Layers, out var layer)) return Found(graph.MlpColumn(layer), out column);
        if (name is [.., '<', 'q' or 'k' or 'v', '>'] && TryParseHead(graph, name[..^3], out layer, out var head))
        {
            var kind = name[^2] switch { 'q' => InputKind.Query, 'k' => InputKind.Key, _ => InputKind.Value };
            return Found(graph.HeadColumn(layer, kind, head), out column);
        }
        column = default;
        return false;
    }

    /// <summary>The edge called <paramref name="name"/>: input->a3.h2&lt;q&gt;. False too where both ends exist but no edge joins them.</summary>
    public static bool TryParseEdge(ModelGraph graph, ReadOnlySpan<char> name, out EdgeId edge)
    {
        var arrow = name.IndexOf("->");
        edge = default;
        return arrow > 0
            && TryParseNode(graph, name[..arrow], out var source)
            && TryParseColumn(graph, name[(arrow + 2)..], out var column)
            && graph.IsEdge(source, column)
            && Found(graph.Edge(source, column), out edge);
    }

    private static bool Found<T>(T value, out T result)
    {
        result = value;
        return true;
    }

    private static bool TryParseHead(ModelGraph graph, ReadOnlySpan<char> name, out int layer, out int head)
    {
        layer = head = -1;
        var dot = name.IndexOf(".h");
        return dot > 1 && name[0] == 'a'
            && TryParseIndex(name[1..dot], graph.Layers, out layer)
            && TryParseIndex(name[(dot + 2)..], graph.Heads, out head);
    }

    private static bool TryParseIndex(ReadOnlySpan<char> digits, int limit, out int value)
    {
        value = 0;
        if (digits.IsEmpty || digits.Length > 9 || (digits[0] == '0' && digits.Length > 1)) return false;
        foreach (var c in digits)
        {
            if (!char.IsAsciiDigit(c)) return false;
            value = value * 10 + (c - '0');
        }
        return value < limit;
    }
}
