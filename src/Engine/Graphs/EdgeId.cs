namespace Faith.Engine.Graphs;

/// <summary>A source u and a column v of a <see cref="ModelGraph"/>, which alone takes them apart: the index u·N + v of their entry in a dense matrix of scores. It indexes arrays of F·N entries.</summary>
/// <param name="Index">The index.</param>
public readonly record struct EdgeId(int Index) : IComparable<EdgeId>
{
    /// <summary>The index.</summary>
    public static implicit operator int(EdgeId edge) => edge.Index;
    /// <inheritdoc/>
    public int CompareTo(EdgeId other) => Index.CompareTo(other.Index);
}
