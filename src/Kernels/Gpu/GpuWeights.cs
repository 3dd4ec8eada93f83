using System.Runtime.InteropServices;
using Faith.Kernels.Host;
using ILGPU;
using ILGPU.Runtime;

namespace Faith.Kernels.Gpu;

/// <summary>A weight matrix in the GPU's memory as it is stored in the checkpoint, once: x·W and x·Wᵀ are two kernels that read the same rows.</summary>
internal sealed class GpuWeights(GpuBuffer buffer, MatrixSource source) : Weights(source.Inputs, source.Outputs)
{
    /// <summary>Bytes that a matrix takes.</summary>
    public static long BytesOf(MatrixSource source) => checked((long)source.Inputs * source.Outputs * (source.Precision == WeightPrecision.Float32 ? 4 : 2));

    public GpuBuffer Buffer => buffer;

    /// <summary>True when the rows in memory are the columns of W.</summary>
    public bool StoredTransposed { get; } = source.StoredTransposed;

    /// <summary>How the elements are stored.</summary>
    public WeightPrecision Precision { get; } = source.Precision;

    /// <summary>The elements, of float32.</summary>
    public ArrayView<float> Singles => buffer.Floats;

    /// <summary>The elements, of bfloat16 or float16.</summary>
    public ArrayView<ushort> Halves => buffer.Floats.Cast<ushort>();

    /// <summary>Elements from one row in memory to the next.</summary>
    public int Stride => StoredTransposed ? Inputs : Outputs;

    /// <summary>The rows of a table of float32.</summary>
    public Table<float> TableOfSingles => new(Singles, RowOfTable);

    /// <summary>The rows of a table of bfloat16 or float16.</summary>
    public Table<ushort> TableOfHalves => new(Halves, RowOfTable);

    public override long Bytes => buffer.Bytes;

    /// <summary>Elements before W[row, column] (of Wᵀ for <see cref="WeightSide.Transposed"/>).</summary>
    public long Offset(WeightSide side, int row, int column) => side == WeightSide.Forward != StoredTransposed ? (long)row * Stride + column : (long)column * Stride + row;

    public override void Dispose() => buffer.Dispose();

    private int RowOfTable => StoredTransposed ? throw new InvalidOperationException("no table") : Outputs;
}

public sealed partial class GpuDevice
{
    /// <inheritdoc/>
    public override Weights CreateWeights(MatrixSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        var (rows, columns) = source.StoredTransposed ? (source.Outputs, source.Inputs) : (source.Inputs, source.Outputs);
        var isHalf = source.Precision != WeightPrecision.Float32;
        var buffer = NewBuffer(GpuWeights.BytesOf(source));
        try
        {
            // Float32 rows pass through an array and then a pinned buffer, a few megabytes at a time.
            var rowsAtOnce = Math.Max(1, StagingBytes / (4 * columns));
            var values = new float[checked(Math.Min(rows, rowsAtOnce) * columns)];
            var halves = isHalf ? new ushort[values.Length] : [];
            long done = 0;
            for (var row = 0; row < rows; row += rowsAtOnce)
            {
                var piece = values.AsSpan(0, Math.Min(rowsAtOnce, rows - row) * columns);
                source.ReadStoredRows(row, Math.Min(rowsAtOnce, rows - row), piece);
                var bytes = isHalf ? MemoryMarshal.AsBytes(Narrow(piece, source.Precision, halves)) : MemoryMarshal.AsBytes(piece);
                Upload(bytes, buffer, done);
                done += bytes.Length;
            }
            return new GpuWeights(buffer, source);
        }
        catch
        {
            buffer.Dispose();
            throw;
        }
    }

    // The source says that 16 bits lose nothing: of bfloat16 the lower halves are zero.
    private static ReadOnlySpan<ushort> Narrow(ReadOnlySpan<float> values, WeightPrecision precision, ushort[] halves)
    {
        if (precision == WeightPrecision.Float16)
            for (var i = 0; i < values.Length; i++) halves[i] = Float16Bits.Narrow(values[i]);
        else
            for (var i = 0; i < values.Length; i++) halves[i] = (ushort)(BitConverter.SingleToUInt32Bits(values[i]) >> 16);
        return halves.AsSpan(0, values.Length);
    }
}
