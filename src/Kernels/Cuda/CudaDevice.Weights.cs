using System.Runtime.InteropServices;

namespace Faith.Kernels.Cuda;

// Weights, as the kernels of Multiply.cu read them.
public sealed partial class CudaDevice
{
    /// <inheritdoc/>
    public override Weights CreateWeights(MatrixSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        RefuseInSequence(nameof(CreateWeights));
        var (rows, columns) = source.StoredTransposed ? (source.Outputs, source.Inputs) : (source.Inputs, source.Outputs);
        var elementBytes = source.Precision == WeightPrecision.BFloat16 ? 2 : 4;
        var buffer = CudaBuffer.Allocate(_context, CudaWeights.BytesOf(source));
        try
        {
            // Float32 rows pass through an array and then a pinned buffer, a few megabytes at a time.
            var rowsAtOnce = Math.Max(1, StagingBytes / (4 * columns));
            var values = new float[checked(Math.Min(rows, rowsAtOnce) * columns)];
            var halves = elementBytes == 2 ? new ushort[values.Length] : [];
            long done = 0;
            for (var row = 0; row < rows; row += rowsAtOnce)
            {
                var piece = values.AsSpan(0, Math.Min(rowsAtOnce, rows - row) * columns);
                source.ReadStoredRows(row, Math.Min(rowsAtOnce, rows - row), piece);
                if (elementBytes == 2)
                    Upload(MemoryMarshal.AsBytes(UpperHalves(piece, halves)), buffer, done);
                else
                    Upload(MemoryMarshal.AsBytes(piece), buffer, done);
                done += piece.Length * elementBytes;
            }
            return new CudaWeights(buffer, source.Inputs, source.Outputs, source.StoredTransposed, source.Precision);
        }
        catch
        {
            buffer.Dispose();
            throw;
        }
    }

    // The source says that bfloat16 loses nothing, so the lower halves are zero.
    private static ReadOnlySpan<ushort> UpperHalves(ReadOnlySpan<float> values, ushort[] halves)
    {
        for (var i = 0; i < values.Length; i++)
            halves[i] = (ushort)(BitConverter.SingleToUInt32Bits(values[i]) >> 16);
        return halves.AsSpan(0, values.Length);
    }
}
