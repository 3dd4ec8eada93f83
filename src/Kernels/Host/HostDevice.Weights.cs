namespace Faith.Kernels.Host;

public sealed unsafe partial class HostDevice
{
    /// <inheritdoc/>
    public override Weights CreateWeights(MatrixSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        int inputs = source.Inputs, outputs = source.Outputs;
        var forward = new PackedMatrix(inputs, outputs, source.Precision, matrices.Lanes);
        var transposed = new PackedMatrix(outputs, inputs, source.Precision, matrices.Lanes);
        // A stored row is a row of one side and a column of the other.
        var (rowSide, columnSide) = source.StoredTransposed ? (transposed, forward) : (forward, transposed);
        const int Band = PackedMatrix.PanelColumns, Bands = 8;
        int rows = rowSide.Depth, width = rowSide.Columns;
        using var buffer = new HostBuffer(sizeof(float) * (long)Band * Bands * width);
        for (var start = 0; start < rows; start += Band * Bands)
        {
            var count = Math.Min(Band * Bands, rows - start);
            source.ReadStoredRows(start, count, new Span<float>(buffer.Floats, checked(count * width)));
            pool.For((count + Band - 1) / Band, 1, (rowSide, columnSide, stored: (nint)buffer.Floats, start, count),
                static (in (PackedMatrix rowSide, PackedMatrix columnSide, nint stored, int start, int count) job, int from, int to, int _) =>
                {
                    for (var band = from; band < to; band++)
                        PackBand(job.rowSide, job.columnSide, (float*)job.stored + (long)band * Band * job.rowSide.Columns, job.start + band * Band, Math.Min(Band, job.count - band * Band));
                });
        }
        return new HostWeights(forward, transposed);
    }

    /// <summary>Packs ≤ 32 stored rows: whole rows of one side, one panel of the other.</summary>
    static void PackBand(PackedMatrix rowSide, PackedMatrix columnSide, float* stored, int start, int count)
    {
        var width = rowSide.Columns;
        for (var r = 0; r < count; r++)
            for (var panel = 0; panel < rowSide.Panels; panel++)
            {
                var column = panel * PackedMatrix.PanelColumns;
                rowSide.SetRow(panel, start + r, stored + (long)r * width + column, Math.Min(PackedMatrix.PanelColumns, width - column), 1);
            }
        for (var c = 0; c < width; c++) columnSide.SetRow(start / PackedMatrix.PanelColumns, c, stored + c, count, width);
    }
}
