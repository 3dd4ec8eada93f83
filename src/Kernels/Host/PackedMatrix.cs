using System.Runtime.CompilerServices;

namespace Faith.Kernels.Host;

/// <summary>
/// A matrix [Depth × Columns] packed for <see cref="MatrixKernels"/>: panels of 32 columns one after another, each
/// [Depth][32] and thus read from front to back; the last columns, and the last rows to a multiple of 32, are filled up with zeros. Any
/// range of k is a piece of every panel. 16 bits stay 16 bits: two columns that lie one register apart share 32 bits, so that a shift
/// and a mask take a register full apart into two.
/// </summary>
internal sealed unsafe class PackedMatrix : IDisposable
{
    /// <summary>Columns of a panel.</summary>
    public const int PanelColumns = 32;

    readonly HostBuffer memory;
    readonly int pitch; // rows of a panel with the filling
    readonly byte[] position = new byte[PanelColumns]; // where a column stands in its row of the panel

    /// <summary>A zero matrix.</summary>
    /// <param name="lanes">Floats in a register of the kernels that will read it.</param>
    public PackedMatrix(int depth, int columns, WeightPrecision precision, int lanes)
    {
        (Depth, Columns, Precision, Lanes) = (depth, columns, precision, lanes);
        pitch = PanelColumns * Blocks(depth);
        memory = new HostBuffer(BytesOf(depth, columns, precision), HostBuffer.Page);
        for (var c = 0; c < PanelColumns; c++)
        {
            var (group, column) = Math.DivRem(c, 2 * lanes);
            position[c] = (byte)(IsHalf ? group * 2 * lanes + 2 * (column % lanes) + column / lanes : c);
        }
    }

    /// <summary>Rows: the length of the sums.</summary>
    public int Depth { get; }

    /// <summary>Columns, without the filling.</summary>
    public int Columns { get; }

    /// <summary>How the elements are held.</summary>
    public WeightPrecision Precision { get; }

    /// <summary>True where an element has 16 bits.</summary>
    public bool IsHalf => Precision != WeightPrecision.Float32;

    /// <summary>Floats in a register of the kernels.</summary>
    public int Lanes { get; }

    /// <summary>Number of panels.</summary>
    public int Panels => Blocks(Columns);

    /// <summary>Bytes held.</summary>
    public long Bytes => memory.Bytes;

    /// <summary>Bytes that a matrix takes.</summary>
    public static long BytesOf(int depth, int columns, WeightPrecision precision) =>
        (long)Blocks(columns) * Blocks(depth) * PanelColumns * RowBytesOf(precision);

    /// <summary>Bytes from a panel to the next.</summary>
    public nint PanelBytes => (nint)pitch * RowBytes;

    int RowBytes => RowBytesOf(Precision);

    /// <summary>Address of row k of a panel, from column <paramref name="column"/> of it on (a multiple of two registers).</summary>
    public void* Panel(int panel, int k, int column = 0) =>
        (byte*)memory.Address + ((long)panel * pitch + k) * RowBytes + column * (RowBytes / PanelColumns);

    /// <summary>Sets <paramref name="count"/> ≤ 32 elements of row k, from column 0 of a panel on; they stand <paramref name="stride"/> apart in the source.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void SetRow(int panel, int k, float* source, int count, long stride)
    {
        if (Precision == WeightPrecision.Float32)
        {
            var row = (float*)Panel(panel, k);
            if (stride == 1) new Span<float>(source, count).CopyTo(new Span<float>(row, count));
            else
                for (var c = 0; c < count; c++) row[c] = source[c * stride];
        }
        else
        {
            var row = (ushort*)Panel(panel, k);
            if (Precision == WeightPrecision.BFloat16)
                for (var c = 0; c < count; c++) row[position[c]] = (ushort)(BitConverter.SingleToUInt32Bits(source[c * stride]) >> 16);
            else
                for (var c = 0; c < count; c++) row[position[c]] = Float16Bits.Narrow(source[c * stride]);
        }
    }

    static int Blocks(int count) => (count + PanelColumns - 1) / PanelColumns;

    static int RowBytesOf(WeightPrecision precision) => PanelColumns * (precision == WeightPrecision.Float32 ? sizeof(float) : sizeof(ushort));

    /// <inheritdoc/>
    public void Dispose() => memory.Dispose();
}

/// <summary>W as the kernels see it, or Wᵀ: the same memory.</summary>
internal readonly record struct PackedSide(PackedMatrix Matrix, WeightSide Side)
{
    /// <summary>Length of the sums.</summary>
    public int Depth => Side == WeightSide.Forward ? Matrix.Depth : Matrix.Columns;

    /// <summary>Columns, without the filling.</summary>
    public int Columns => Side == WeightSide.Forward ? Matrix.Columns : Matrix.Depth;

    /// <summary>True where a kernel reads the panels as they lie in memory; otherwise <see cref="UnpackedPanel"/> lays them out for it.</summary>
    public bool IsDirect => Side == WeightSide.Forward && Matrix.Precision != WeightPrecision.Float16;
}

/// <summary>W, packed once.</summary>
internal sealed class HostWeights(PackedMatrix matrix) : Weights(matrix.Depth, matrix.Columns)
{
    /// <summary>Bytes that a matrix takes.</summary>
    public static long BytesOf(MatrixSource source) => PackedMatrix.BytesOf(source.Inputs, source.Outputs, source.Precision);

    /// <summary>W.</summary>
    public PackedMatrix Matrix => matrix;

    /// <summary>W or Wᵀ.</summary>
    public PackedSide Side(WeightSide side) => new(matrix, side);

    /// <inheritdoc/>
    public override long Bytes => matrix.Bytes;

    /// <inheritdoc/>
    public override void Dispose() => matrix.Dispose();
}
