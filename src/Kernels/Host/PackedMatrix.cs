using System.Runtime.CompilerServices;

namespace Faith.Kernels.Host;

/// <summary>
/// A matrix [Depth × Columns] packed for <see cref="MatrixKernels"/>: panels of 32 columns one after another, each
/// [Depth][32] and thus read from front to back; the last one is filled up with zeros. Any range of k is a piece of every panel.
/// bfloat16 stays bfloat16: two columns that lie one register apart share 32 bits, so that a shift and a mask widen a
/// register full into two.
/// </summary>
internal sealed unsafe class PackedMatrix : IDisposable
{
    /// <summary>Columns of a panel.</summary>
    public const int PanelColumns = 32;

    readonly HostBuffer memory;
    readonly byte[] position = new byte[PanelColumns]; // where a column stands in its row of the panel

    /// <summary>A zero matrix.</summary>
    /// <param name="lanes">Floats in a register of the kernels that will read it.</param>
    public PackedMatrix(int depth, int columns, WeightPrecision precision, int lanes)
    {
        Depth = depth;
        Columns = columns;
        Half = precision == WeightPrecision.BFloat16;
        memory = new HostBuffer(BytesOf(depth, columns, precision));
        for (var c = 0; c < PanelColumns; c++)
        {
            var (group, column) = Math.DivRem(c, 2 * lanes);
            position[c] = (byte)(Half ? group * 2 * lanes + 2 * (column % lanes) + column / lanes : c);
        }
    }

    /// <summary>Rows: the length of the sums.</summary>
    public int Depth { get; }

    /// <summary>Columns, without the filling.</summary>
    public int Columns { get; }

    /// <summary>True for bfloat16.</summary>
    public bool Half { get; }

    /// <summary>Number of panels.</summary>
    public int Panels => (Columns + PanelColumns - 1) / PanelColumns;

    /// <summary>Bytes held.</summary>
    public long Bytes => memory.Bytes;

    /// <summary>Bytes that a matrix of this size takes.</summary>
    public static long BytesOf(int depth, int columns, WeightPrecision precision) =>
        (columns + PanelColumns - 1L) / PanelColumns * PanelColumns * depth * (precision == WeightPrecision.BFloat16 ? sizeof(ushort) : sizeof(float));

    int RowBytes => PanelColumns * (Half ? sizeof(ushort) : sizeof(float));

    /// <summary>Address of row k of a panel, from column <paramref name="column"/> of it on (a multiple of two registers).</summary>
    public void* Panel(int panel, int k, int column = 0) =>
        (byte*)memory.Address + ((long)panel * Depth + k) * RowBytes + column * (RowBytes / PanelColumns);

    /// <summary>Sets <paramref name="count"/> ≤ 32 elements of row k, from column 0 of a panel on; they stand <paramref name="stride"/> apart in the source.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void SetRow(int panel, int k, float* source, int count, long stride)
    {
        if (Half)
        {
            var row = (ushort*)Panel(panel, k);
            for (var c = 0; c < count; c++) row[position[c]] = (ushort)(BitConverter.SingleToUInt32Bits(source[c * stride]) >> 16);
        }
        else
        {
            var row = (float*)Panel(panel, k);
            if (stride == 1) new Span<float>(source, count).CopyTo(new Span<float>(row, count));
            else
                for (var c = 0; c < count; c++) row[c] = source[c * stride];
        }
    }

    /// <inheritdoc/>
    public void Dispose() => memory.Dispose();
}

/// <summary>W and Wᵀ, both packed.</summary>
internal sealed class HostWeights(PackedMatrix forward, PackedMatrix transposed) : Weights(forward.Depth, forward.Columns)
{
    /// <summary>Bytes that the packed forms of a matrix take.</summary>
    public static long BytesOf(MatrixSource source) =>
        PackedMatrix.BytesOf(source.Inputs, source.Outputs, source.Precision) + PackedMatrix.BytesOf(source.Outputs, source.Inputs, source.Precision);

    /// <summary>The packed form of a side.</summary>
    public PackedMatrix Side(WeightSide side) => side == WeightSide.Forward ? forward : transposed;

    /// <inheritdoc/>
    public override long Bytes => forward.Bytes + transposed.Bytes;

    /// <inheritdoc/>
    public override void Dispose()
    {
        forward.Dispose();
        transposed.Dispose();
    }
}
