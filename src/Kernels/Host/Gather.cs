namespace Faith.Kernels.Host;

public sealed unsafe partial class HostDevice
{
    /// <inheritdoc/>
    public override void GatherRows(Tensor table, Indices rows, float scale, Tensor y, bool add = false)
    {
        RequireRows(y.Rows, rows.Count);
        RequireColumns(y.Columns, table.Columns);
        Rows(y.Rows, y.Columns, (table, rows, scale, y, add), static (k, in o, from, to) => k.GatherRows(o.table, o.rows, o.scale, o.y, o.add, from, to));
    }

    /// <inheritdoc/>
    public override void GatherRows(Weights table, Indices rows, float scale, Tensor y, bool add = false)
    {
        RequireRows(y.Rows, rows.Count);
        RequireColumns(y.Columns, table.Outputs);
        pool.For(y.Rows, Math.Max(1, ElementsOfChunk / Math.Max(1, y.Columns)), (device: this, table: ((HostWeights)table).Matrix, rows: (RawIndices)rows, scale, y: (RawTensor)y, add),
            static (in (HostDevice device, PackedMatrix table, RawIndices rows, float scale, RawTensor y, bool add) job, int from, int to, int thread) =>
            {
                var memory = job.device.scratch.Reserve(thread, UnpackedPanel.RowFloats(job.table));
                for (var r = from; r < to; r++)
                {
                    UnpackedPanel.Row(job.table, job.rows.First()[r], memory);
                    job.device.kernels.GatherRow(memory, job.scale, job.y.Row(r), job.y.Columns, job.add);
                }
            });
        GC.KeepAlive(table);
    }

    /// <inheritdoc/>
    public override void ScatterAddRows(Tensor x, Indices rows, Tensor y)
    {
        RequireRows(x.Rows, rows.Count);
        RequireColumns(x.Columns, y.Columns);
        Rows(x.Rows, x.Columns, (x, rows, y), static (k, in o, from, to) => k.ScatterAddRows(o.x, o.rows, o.y, from, to));
    }
}

internal sealed unsafe partial class RowKernels<V>
{
    public override void GatherRows(RawTensor table, RawIndices rows, float scale, RawTensor y, bool add, int from, int to)
    {
        for (var r = from; r < to; r++) GatherRow(table.Row(rows.First()[r]), scale, y.Row(r), y.Columns, add);
    }

    public override void GatherRow(float* x, float scale, float* y, int count, bool add)
    {
        if (add) Map(new AddScaledMap(scale), x, y, y, count);
        else Map(new ScaleMap(scale), x, x, y, count);
    }

    public override void ScatterAddRows(RawTensor x, RawIndices rows, RawTensor y, int from, int to)
    {
        for (var r = from; r < to; r++)
        {
            var target = y.Row(rows.First()[r]);
            Map(new AddMap(), x.Row(r), target, target, x.Columns);
        }
    }
}
