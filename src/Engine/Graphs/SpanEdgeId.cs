namespace Faith.Engine.Graphs;

/// <summary>An edge by its number in a <see cref="SpanGraph"/>, which alone takes it apart. It indexes arrays of <see cref="SpanGraph.Entries"/> entries.</summary>
/// <param name="Index">The number.</param>
public readonly record struct SpanEdgeId(int Index) : IComparable<SpanEdgeId>
{
    /// <summary>The number.</summary>
    public static implicit operator int(SpanEdgeId edge) => edge.Index;
    /// <inheritdoc/>
    public int CompareTo(SpanEdgeId other) => Index.CompareTo(other.Index);
}
