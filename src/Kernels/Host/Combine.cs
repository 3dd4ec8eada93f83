namespace Faith.Kernels.Host;

public sealed unsafe partial class HostDevice
{
    /// <summary>Elements of the matrices that a thread packs at a time: they stay in its second-level cache.</summary>
    const int CombinedElements = 96 << 10;

    /// <summary>Most of their columns.</summary>
    const int CombinedColumns = 2048;

    PackedMatrix?[] combined = [];

    /// <inheritdoc/>
    public override void Combine(Tensor weights, Tensor x, Tensor baseline, Tensor y)
    {
        RequireRows(x.Rows, weights.Columns);
        RequireRows(y.Rows, weights.Rows);
        RequireColumns(y.Columns, x.Columns);
        if (!baseline.IsNone) RequireColumns(baseline.Columns, y.Columns);
        MatrixFlops += 2L * weights.Rows * weights.Columns * x.Columns;
        if (y.Rows == 0) return;
        RawTensor factors = weights;
        var tiling = PackRows(factors);
        var width = Math.Clamp(CombinedElements / Math.Max(x.Rows, 1) / PackedMatrix.PanelColumns, 1, CombinedColumns / PackedMatrix.PanelColumns) * PackedMatrix.PanelColumns;
        if (combined.Length == 0) combined = new PackedMatrix?[pool.Threads];
        // Every thread packs some columns of x and multiplies them while it has them at hand.
        pool.For(y.Columns / width + (y.Columns % width == 0 ? 0 : 1), 1, (device: this, x: (RawTensor)x, y: (RawTensor)y, bias: (RawTensor)baseline, tiling, depth: weights.Columns, width),
            static (in (HostDevice device, RawTensor x, RawTensor y, RawTensor bias, MatrixKernels.Tiling tiling, int depth, int width) job, int from, int to, int thread) =>
            {
                var matrix = job.device.Combined(thread, job.depth, job.width);
                var edge = job.device.scratch.Reserve(thread, job.device.matrices.ScratchFloats);
                for (var unit = from; unit < to; unit++)
                {
                    int first = unit * job.width, count = Math.Min(job.width, job.y.Columns - first);
                    for (var k = 0; k < job.depth; k++)
                        for (var c = 0; c < count; c += PackedMatrix.PanelColumns)
                            matrix.SetRow(c / PackedMatrix.PanelColumns, k, job.x.Row(k) + first + c, Math.Min(PackedMatrix.PanelColumns, count - c), 1);
                    var bias = job.bias.IsNone ? 0 : job.bias.Pointer + (nint)first * sizeof(float);
                    var product = new MatrixKernels.Product(new(matrix, WeightSide.Forward), job.tiling, job.device.packedRows.Address, job.depth, 0, 0, job.y.ColumnRange(first, count), bias, job.bias.IsNone);
                    job.device.matrices.Multiply(product, 0, job.tiling.Tiles, 0, product.Panels, edge);
                }
            });
    }

    /// <summary>A thread's own packed matrix of at least this size.</summary>
    PackedMatrix Combined(int thread, int depth, int columns)
    {
        var matrix = combined[thread];
        if (matrix is not null && matrix.Depth >= depth && matrix.Columns >= columns) return matrix;
        // Deep matrices are narrow and wide ones shallow: one of either size is made once.
        (depth, columns) = (Math.Max(depth, matrix?.Depth ?? 0), Math.Max(columns, matrix?.Columns ?? 0));
        combined[thread] = null;
        matrix?.Dispose();
        return combined[thread] = new(depth, columns, WeightPrecision.Float32, matrices.Lanes);
    }
}
