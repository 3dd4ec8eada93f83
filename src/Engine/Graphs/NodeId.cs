namespace Faith.Engine.Graphs;

/// <summary>A node by its number in a <see cref="ModelGraph"/>: the sources in the order of the stream, then logits. It indexes arrays with an entry a node.</summary>
/// <param name="Index">The number.</param>
public readonly record struct NodeId(int Index) : IComparable<NodeId>
{
    /// <summary>The number.</summary>
    public static implicit operator int(NodeId node) => node.Index;
    /// <inheritdoc/>
    public int CompareTo(NodeId other) => Index.CompareTo(other.Index);
}
