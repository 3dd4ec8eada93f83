namespace Faith.Engine.Graphs;

/// <summary>What an edge of a <see cref="SpanGraph"/> is: an edge of the model within a span (<paramref name="From"/> = <paramref name="To"/>), or a head's key or value that is read from another span.</summary>
/// <param name="Edge">The edge of the model; null for one between spans.</param>
/// <param name="Port">The key or value input of a head whose rows are read; of an edge between spans.</param>
/// <param name="From">The span where it begins.</param>
/// <param name="To">The span where it ends.</param>
public readonly record struct SpanEdge(EdgeId? Edge, ColumnId Port, int From, int To);
