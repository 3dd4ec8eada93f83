namespace Faith.Kernels.Host;

public sealed unsafe partial class HostDevice
{
    /// <summary>Matrices of x, and elements of each, that a thread multiplies at a time: they stay in its second-level cache.</summary>
    const int ContractedMatrices = 48, ContractedElements = 512;

    /// <inheritdoc/>
    public override void ContractRows(Ragged layout, Tensor x, Tensor g, int pitch, Tensor scores)
    {
        ArgumentNullException.ThrowIfNull(layout);
        RequireColumns(x.Columns, g.Columns);
        RequireRows(scores.Rows, layout.Sequences);
        RequireColumns(scores.Columns, (x.Rows - 1) * pitch + g.Rows);
        MatrixFlops += 2L * x.Rows * g.Rows * x.Columns;
        var blocks = (x.Rows + ContractedMatrices - 1) / ContractedMatrices;
        pool.For(layout.Sequences * blocks, 1, (device: this, layout, x: (RawTensor)x, g: (RawTensor)g, scores: (RawTensor)scores, pitch, blocks),
            static (in (HostDevice device, Ragged layout, RawTensor x, RawTensor g, RawTensor scores, int pitch, int blocks) job, int from, int to, int thread) =>
            {
                var width = job.x.Columns / job.layout.QueryRows;
                for (var unit = from; unit < to; unit++)
                {
                    var (sequence, block) = Math.DivRem(unit, job.blocks);
                    int first = block * ContractedMatrices, start = job.layout.QueryOffsets[sequence] * width, end = job.layout.QueryOffsets[sequence + 1] * width;
                    var x = job.x.RowRange(first, Math.Min(ContractedMatrices, job.x.Rows - first)).ColumnRange(start, end - start);
                    job.device.ContractRows(x, job.g.ColumnRange(start, end - start), job.scores.Row(sequence) + (long)first * job.pitch, job.pitch, thread);
                }
            });
    }

    // Elements from the sequence's first one on are cut alike whatever stands beside it, so that its sums do not depend on that.
    void ContractRows(RawTensor x, RawTensor g, float* scores, int pitch, int thread)
    {
        // Vectors are one cache line more than their elements need apart, so that they do not share the same few lines of the cache.
        const int Apart = ContractedElements + 16, SourcesAtATime = 4;
        var z = scratch.Reserve(thread, (long)(x.Rows + g.Rows) * Apart + x.Rows * (long)g.Rows);
        float* h = z + (long)x.Rows * Apart, sums = h + (long)g.Rows * Apart;
        for (var at = 0; at < x.Columns; at += ContractedElements)
        {
            int count = Math.Min(ContractedElements, x.Columns - at), depth = (count + 15) & ~15;
            Take(x.ColumnRange(at, count), z, depth);
            Take(g.ColumnRange(at, count), h, depth);
            for (var u = 0; u < x.Rows; u += SourcesAtATime)
            {
                var part = new VectorSet(z + u * (nint)Apart, Apart, Math.Min(SourcesAtATime, x.Rows - u));
                if (g.Rows == 1) kernels.MultiplyVector(part, h, depth, sums + u, 1);
                else kernels.MultiplyVectors(part, new(h, Apart, g.Rows), depth, sums + u * (long)g.Rows, g.Rows);
            }
            for (var u = 0; u < x.Rows; u++) kernels.Add(sums + u * (long)g.Rows, scores + (long)u * pitch, g.Rows);
        }

        static void Take(RawTensor from, float* to, int depth)
        {
            for (var i = 0; i < from.Rows; i++)
            {
                new Span<float>(from.Row(i), from.Columns).CopyTo(new Span<float>(to + (long)i * Apart, from.Columns));
                new Span<float>(to + (long)i * Apart + from.Columns, depth - from.Columns).Clear();
            }
        }
    }
}
