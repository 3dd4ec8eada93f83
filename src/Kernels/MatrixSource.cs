namespace Faith.Kernels;

/// <summary>How the numbers of a weight matrix are stored.</summary>
public enum WeightPrecision
{
    /// <summary>IEEE single precision.</summary>
    Float32,
    /// <summary>bfloat16: the upper half of a float32.</summary>
    BFloat16,
    /// <summary>IEEE half precision.</summary>
    Float16,
}

/// <summary>
/// A weight matrix that can be read piece by piece, so that a device packs it without a second whole copy in memory.
/// Logically [Inputs × Outputs] (y = x·W); stored either so (GPT-2's Conv1D) or transposed (torch.nn.Linear).
/// </summary>
public abstract class MatrixSource
{
    /// <summary>Rows of the logical matrix: length of x.</summary>
    public abstract int Inputs { get; }

    /// <summary>Columns of the logical matrix: length of y.</summary>
    public abstract int Outputs { get; }

    /// <summary>True when stored as [Outputs × Inputs].</summary>
    public abstract bool StoredTransposed { get; }

    /// <summary>The precision that loses nothing of what is stored.</summary>
    public abstract WeightPrecision Precision { get; }

    /// <summary>Reads rows [start, start + count) of the stored matrix, widened to float32, into <paramref name="destination"/>.</summary>
    public abstract void ReadStoredRows(int start, int count, Span<float> destination);
}

/// <summary>A weight matrix held in an array, of numbers that <paramref name="precision"/> holds exactly.</summary>
public sealed class ArrayMatrix(float[] values, int inputs, int outputs, bool storedTransposed, WeightPrecision precision = WeightPrecision.Float32) : MatrixSource
{
    /// <inheritdoc/>
    public override int Inputs => inputs;
    /// <inheritdoc/>
    public override int Outputs => outputs;
    /// <inheritdoc/>
    public override bool StoredTransposed => storedTransposed;
    /// <inheritdoc/>
    public override WeightPrecision Precision => precision;

    /// <inheritdoc/>
    public override void ReadStoredRows(int start, int count, Span<float> destination)
    {
        var width = storedTransposed ? inputs : outputs;
        values.AsSpan(checked(start * width), checked(count * width)).CopyTo(destination);
    }
}
