namespace Faith.Kernels.Host;

/// <summary>Operands of <see cref="Device.AttentionForward"/> and of its gradients.</summary>
internal readonly record struct AttentionOperands(Ragged Layout, AttentionShape Shape, Tensor Q, Tensor K, Tensor V, Tensor PrefixK, Tensor PrefixV,
    Tensor Context, Tensor LogSumExp, Tensor DContext, Tensor Dq, Tensor Dk, Tensor Dv);

public sealed unsafe partial class HostDevice
{
    /// <inheritdoc/>
    public override void AttentionForward(Ragged layout, AttentionShape shape, Tensor q, Tensor k, Tensor v, Tensor prefixK, Tensor prefixV, Tensor context, Tensor logSumExp)
    {
        RequireRows(q.Rows, layout.QueryRows);
        RequireRows(k.Rows, layout.Rows);
        var operands = new AttentionOperands(layout, shape, q, k, v, prefixK, prefixV, context, logSumExp, default, default, default, default);
        pool.For(layout.Sequences * shape.Heads, Grain(layout, shape), (this, operands), static (in (HostDevice Device, AttentionOperands O) job, int from, int to, int thread) =>
        {
            ref readonly var o = ref job.O;
            var memory = job.Device.scratch.Reserve(thread, job.Device.kernels.AttentionScratch(o.Shape.HeadDim, o.Layout.LongestSequence, false));
            for (var unit = from; unit < to; unit++) job.Device.kernels.AttentionForward(o, unit / o.Shape.Heads, unit % o.Shape.Heads, memory);
        });
    }

    /// <inheritdoc/>
    public override void AttentionBackward(Ragged layout, AttentionShape shape, Tensor q, Tensor k, Tensor v, Tensor prefixK, Tensor prefixV,
        Tensor context, Tensor logSumExp, Tensor dContext, Tensor dq, Tensor dk, Tensor dv)
    {
        RequireRows(q.Rows, layout.QueryRows);
        RequireRows(k.Rows, layout.Rows);
        var operands = new AttentionOperands(layout, shape, q, k, v, prefixK, prefixV, context, logSumExp, dContext, dq, dk, dv);
        pool.For(layout.Sequences * shape.Heads, Grain(layout, shape), (this, operands), static (in (HostDevice Device, AttentionOperands O) job, int from, int to, int thread) =>
        {
            ref readonly var o = ref job.O;
            var memory = job.Device.scratch.Reserve(thread, job.Device.kernels.AttentionScratch(o.Shape.HeadDim, o.Layout.LongestSequence, true));
            for (var unit = from; unit < to; unit++) job.Device.kernels.AttentionBackward(o, unit / o.Shape.Heads, unit % o.Shape.Heads, memory);
        });
    }

    /// <inheritdoc/>
    public override void AttentionValuesBackward(Ragged layout, AttentionShape shape, Tensor q, Tensor k, Tensor prefixK, Tensor logSumExp, Tensor dContext, Tensor dv)
    {
        RequireRows(q.Rows, layout.QueryRows);
        RequireRows(k.Rows, layout.Rows);
        var operands = new AttentionOperands(layout, shape, q, k, default, prefixK, default, default, logSumExp, dContext, default, default, dv);
        pool.For(layout.Sequences * shape.Heads, Grain(layout, shape), (this, operands), static (in (HostDevice Device, AttentionOperands O) job, int from, int to, int thread) =>
        {
            ref readonly var o = ref job.O;
            var memory = job.Device.scratch.Reserve(thread, job.Device.kernels.AttentionScratch(o.Shape.HeadDim, o.Layout.LongestSequence, false));
            for (var unit = from; unit < to; unit++) job.Device.kernels.AttentionValuesBackward(o, unit / o.Shape.Heads, unit % o.Shape.Heads, memory);
        });
    }

    /// <summary>Heads of a sequence that are worth a chunk of work of their own.</summary>
    static int Grain(Ragged layout, AttentionShape shape)
    {
        var work = (long)layout.QueryRows * layout.LongestSequence * shape.HeadDim / layout.Sequences;
        return (int)Math.Clamp(SmallProduct / Math.Max(work, 1), 1, shape.Heads);
    }
}
