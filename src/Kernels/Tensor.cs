namespace Faith.Kernels;

/// <summary>A row-major float32 matrix in a device's memory: a view that owns nothing.</summary>
/// <param name="Pointer">Address of the first element (host memory or device memory).</param>
/// <param name="Rows">Number of rows.</param>
/// <param name="Columns">Number of columns.</param>
/// <param name="Stride">Elements from one row to the next; at least <paramref name="Columns"/>.</param>
public readonly record struct Tensor(nint Pointer, int Rows, int Columns, int Stride)
{
    /// <summary>A dense matrix at an address.</summary>
    public Tensor(nint pointer, int rows, int columns) : this(pointer, rows, columns, columns) { }

    /// <summary>True for the default value, which stands for "none" where an operand is optional.</summary>
    public bool IsNone => Pointer == 0;

    /// <summary>Number of elements of a dense matrix.</summary>
    public long Count => (long)Rows * Columns;

    /// <summary>The view of rows [start, start + count).</summary>
    public Tensor RowRange(int start, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start + count, Rows);
        return new(Pointer + checked((nint)((long)start * Stride * sizeof(float))), count, Columns, Stride);
    }

    /// <summary>The view of columns [start, start + count).</summary>
    public Tensor ColumnRange(int start, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start + count, Columns);
        return new(Pointer + start * sizeof(float), Rows, count, Stride);
    }
}

/// <summary>A vector of 32-bit integers in a device's memory: a view that owns nothing.</summary>
public readonly record struct Indices(nint Pointer, int Count);
