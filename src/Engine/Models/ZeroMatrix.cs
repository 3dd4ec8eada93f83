using Faith.Kernels;

namespace Faith.Engine.Models;

/// <summary>A matrix of zeros, of a part that a model has not.</summary>
internal sealed class ZeroMatrix(int inputs, int outputs) : MatrixSource
{
    /// <inheritdoc/>
    public override int Inputs => inputs;
    /// <inheritdoc/>
    public override int Outputs => outputs;
    /// <inheritdoc/>
    public override bool StoredTransposed => false;
    /// <inheritdoc/>
    public override WeightPrecision Precision => WeightPrecision.Float32;
    /// <inheritdoc/>
    public override void ReadStoredRows(int start, int count, Span<float> destination) => destination[..checked(count * outputs)].Clear();
}
