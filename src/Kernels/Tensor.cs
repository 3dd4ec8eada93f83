namespace Faith.Kernels;

/// <summary>A row-major float32 matrix in a device's memory: a view that owns nothing.</summary>
/// <param name="Buffer">The memory that it is a part of; null for none.</param>
/// <param name="Offset">Elements before the first one.</param>
/// <param name="Rows">Number of rows.</param>
/// <param name="Columns">Number of columns.</param>
/// <param name="Stride">Elements from one row to the next; at least <paramref name="Columns"/>.</param>
public readonly record struct Tensor(DeviceBuffer? Buffer, long Offset, int Rows, int Columns, int Stride)
{
    /// <summary>A dense matrix.</summary>
    public Tensor(DeviceBuffer buffer, long offset, int rows, int columns) : this(buffer, offset, rows, columns, columns) { }

    /// <summary>A dense matrix at the beginning of a buffer.</summary>
    public Tensor(DeviceBuffer buffer, int rows, int columns) : this(buffer, 0, rows, columns, columns) { }

    /// <summary>True for the default value, which stands for "none" where an operand is optional.</summary>
    public bool IsNone => Buffer is null;

    /// <summary>True where rows follow each other without a gap.</summary>
    public bool IsDense => Stride == Columns;

    /// <summary>Number of elements of a dense matrix.</summary>
    public long Count => (long)Rows * Columns;

    /// <summary>Elements from the first to the last, with what lies between the rows.</summary>
    public long Extent => Rows == 0 ? 0 : (Rows - 1L) * Stride + Columns;

    /// <summary>The view of rows [start, start + count).</summary>
    public Tensor RowRange(int start, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start + count, Rows);
        return this with { Offset = Offset + (long)start * Stride, Rows = count };
    }

    /// <summary>The view of columns [start, start + count).</summary>
    public Tensor ColumnRange(int start, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start + count, Columns);
        return this with { Offset = Offset + start, Columns = count };
    }
}
