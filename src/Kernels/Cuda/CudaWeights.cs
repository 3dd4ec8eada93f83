namespace Faith.Kernels.Cuda;

/// <summary>
/// A weight matrix in the GPU's memory as it is stored in the checkpoint, once: x·W and x·Wᵀ are two kernels that read the same rows.
/// </summary>
internal sealed class CudaWeights(DeviceBuffer buffer, int inputs, int outputs, bool storedTransposed, WeightPrecision precision)
    : Weights(inputs, outputs)
{
    /// <summary>Bytes that a matrix takes.</summary>
    public static long BytesOf(MatrixSource source) => checked((long)source.Inputs * source.Outputs * (source.Precision == WeightPrecision.BFloat16 ? 2 : 4));

    public nint Pointer => buffer.Address;
    /// <summary>True when the rows in memory are the columns of W.</summary>
    public bool StoredTransposed { get; } = storedTransposed;
    public WeightPrecision Precision { get; } = precision;
    /// <summary>Elements from one row in memory to the next.</summary>
    public int Stride => StoredTransposed ? Inputs : Outputs;
    public int ElementBytes => Precision == WeightPrecision.BFloat16 ? 2 : 4;

    public override long Bytes => buffer.Bytes;

    /// <summary>Elements before W[row, column] (of Wᵀ for <see cref="WeightSide.Transposed"/>).</summary>
    public long Offset(WeightSide side, int row, int column) =>
        side == WeightSide.Forward != StoredTransposed ? (long)row * Stride + column : (long)column * Stride + row;

    public override void Dispose() => buffer.Dispose();
}
