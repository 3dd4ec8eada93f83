namespace Faith.Kernels.Gpu;

/// <summary>A matrix that is to be held in float32 whatever it is stored in.</summary>
internal sealed class WidenedMatrix(MatrixSource source) : MatrixSource
{
    public override int Inputs => source.Inputs;
    public override int Outputs => source.Outputs;
    public override bool StoredTransposed => source.StoredTransposed;
    public override WeightPrecision Precision => WeightPrecision.Float32;
    public override void ReadStoredRows(int start, int count, Span<float> destination) => source.ReadStoredRows(start, count, destination);
}
