namespace Faith.Kernels;

/// <summary>A <see cref="Tensor"/> as the kernels of the host see it.</summary>
internal readonly unsafe record struct RawTensor(nint Pointer, int Rows, int Columns, int Stride)
{
    /// <summary>A dense matrix.</summary>
    public RawTensor(nint pointer, int rows, int columns) : this(pointer, rows, columns, columns) { }

    /// <summary>Where a tensor stands.</summary>
    public static implicit operator RawTensor(Tensor x) =>
        x.Buffer is { } buffer ? new(checked(buffer.Address + (nint)(x.Offset * sizeof(float))), x.Rows, x.Columns, x.Stride) : default;

    /// <summary>True for the default value, which stands for "none".</summary>
    public bool IsNone => Pointer == 0;

    /// <summary>True where rows follow each other without a gap.</summary>
    public bool IsDense => Stride == Columns;

    /// <summary>Number of elements of a dense matrix.</summary>
    public long Count => (long)Rows * Columns;

    /// <summary>First element of a row, in host memory.</summary>
    public float* Row(int row) => (float*)Pointer + (long)row * Stride;

    /// <summary>The view of rows [start, start + count).</summary>
    public RawTensor RowRange(int start, int count) => new(Pointer + checked((nint)((long)start * Stride * sizeof(float))), count, Columns, Stride);

    /// <summary>The view of columns [start, start + count).</summary>
    public RawTensor ColumnRange(int start, int count) => new(Pointer + start * sizeof(float), Rows, count, Stride);
}

/// <summary><see cref="Indices"/> as the kernels of the host see them.</summary>
internal readonly unsafe record struct RawIndices(nint Pointer, int Count)
{
    /// <summary>Where integers stand.</summary>
    public static implicit operator RawIndices(Indices x) =>
        x.Buffer is { } buffer ? new(checked(buffer.Address + (nint)(x.Offset * sizeof(int))), x.Count) : default;

    /// <summary>The first integer, in host memory.</summary>
    public int* First() => (int*)Pointer;
}
