namespace Faith.Engine.Graphs;

/// <summary>A column by its number in a <see cref="ModelGraph"/>: one input of one node, in the order of the stream. It indexes arrays with an entry a column.</summary>
/// <param name="Index">The number.</param>
public readonly record struct ColumnId(int Index) : IComparable<ColumnId>
{
    /// <summary>The number.</summary>
    public static implicit operator int(ColumnId column) => column.Index;
    /// <inheritdoc/>
    public int CompareTo(ColumnId other) => Index.CompareTo(other.Index);
}
