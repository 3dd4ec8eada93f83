namespace Faith.Kernels.Gpu;

public sealed partial class GpuDevice
{
    /// <inheritdoc/>
    public override void Combine(Tensor weights, Tensor x, Tensor baseline, Tensor y)
    {
        RequireShape(x, weights.Columns, y.Columns);
        RequireShape(y, weights.Rows, x.Columns);
        if (!baseline.IsNone) RequireShape(baseline, 1, y.Columns);
        if (y.Rows == 0 || y.Columns == 0) return;
        MatrixFlops += 2L * weights.Rows * weights.Columns * x.Columns;
        MultiplyBatch<ThreeParts, Single32, float>(new(View(x).Data, x.Offset, x.Stride, Transposed: false), weights, y, default, baseline, add: baseline.IsNone);
    }
}
