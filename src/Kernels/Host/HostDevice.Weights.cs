namespace Faith.Kernels.Host;

public sealed unsafe partial class HostDevice
{
    /// <inheritdoc/>
    public override Weights CreateWeights(MatrixSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        var packed = new PackedMatrix(source.Inputs, source.Outputs, source.Precision, matrices.Lanes);
        const int Band = PackedMatrix.PanelColumns, Bands = 8;
        var isTransposed = source.StoredTransposed;
        var (rows, width) = isTransposed ? (source.Outputs, source.Inputs) : (source.Inputs, source.Outputs);
        using var buffer = new HostBuffer(sizeof(float) * (long)Band * Bands * width);
        for (var start = 0; start < rows; start += Band * Bands)
        {
            var count = Math.Min(Band * Bands, rows - start);
            source.ReadStoredRows(start, count, new Span<float>(buffer.Floats, checked(count * width)));
            pool.For((count + Band - 1) / Band, 1, (packed, isTransposed, stored: (nint)buffer.Floats, start, count, width),
                static (in (PackedMatrix packed, bool isTransposed, nint stored, int start, int count, int width) job, int from, int to, int _) =>
                {
                    for (var band = from; band < to; band++)
                    {
                        var stored = (float*)job.stored + (long)band * Band * job.width;
                        int first = job.start + band * Band, count = Math.Min(Band, job.count - band * Band);
                        if (job.isTransposed) PackColumns(job.packed, stored, first, count);
                        else PackRows(job.packed, stored, first, count);
                    }
                });
        }
        return new HostWeights(packed);
    }

    /// <summary>Packs rows [first, first + count) of the matrix.</summary>
    static void PackRows(PackedMatrix packed, float* stored, int first, int count)
    {
        for (var r = 0; r < count; r++)
            for (var panel = 0; panel < packed.Panels; panel++)
            {
                var column = panel * PackedMatrix.PanelColumns;
                packed.SetRow(panel, first + r, stored + (long)r * packed.Columns + column, Math.Min(PackedMatrix.PanelColumns, packed.Columns - column), 1);
            }
    }

    /// <summary>Packs columns [first, first + count), at most a panel, that are stored as rows.</summary>
    static void PackColumns(PackedMatrix packed, float* stored, int first, int count)
    {
        for (var k = 0; k < packed.Depth; k++) packed.SetRow(first / PackedMatrix.PanelColumns, k, stored + k, count, packed.Depth);
    }
}
