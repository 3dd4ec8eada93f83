namespace Faith.Kernels.Host;

/// <summary>Operands of <see cref="Device.AttentionForward"/> and of its gradients.</summary>
internal readonly record struct AttentionOperands(Ragged Layout, AttentionShape Shape, Tensor Q, Tensor K, Tensor V, Tensor PrefixK, Tensor PrefixV,
    Tensor Context, Tensor LogSumExp, Tensor DContext, Tensor Dq, Tensor Dk, Tensor Dv);

public sealed unsafe partial class HostDevice
{
    delegate void HeadWork(RowKernels kernels, in AttentionOperands o, int sequence, int head, float* scratch);

    /// <inheritdoc/>
    public override void AttentionForward(Ragged layout, AttentionShape shape, Tensor q, Tensor k, Tensor v, Tensor prefixK, Tensor prefixV, Tensor context, Tensor logSumExp) =>
        ForHeads(new(layout, shape, q, k, v, prefixK, prefixV, context, logSumExp, default, default, default, default), backward: false,
            static (RowKernels kernels, in AttentionOperands o, int sequence, int head, float* scratch) => kernels.AttentionForward(o, sequence, head, scratch));

    /// <inheritdoc/>
    public override void AttentionBackward(Ragged layout, AttentionShape shape, Tensor q, Tensor k, Tensor v, Tensor prefixK, Tensor prefixV,
        Tensor context, Tensor logSumExp, Tensor dContext, Tensor dq, Tensor dk, Tensor dv) =>
        ForHeads(new(layout, shape, q, k, v, prefixK, prefixV, context, logSumExp, dContext, dq, dk, dv), backward: true,
            static (RowKernels kernels, in AttentionOperands o, int sequence, int head, float* scratch) => kernels.AttentionBackward(o, sequence, head, scratch));

    /// <inheritdoc/>
    public override void AttentionValuesBackward(Ragged layout, AttentionShape shape, Tensor q, Tensor k, Tensor prefixK, Tensor logSumExp, Tensor dContext, Tensor dv) =>
        ForHeads(new(layout, shape, q, k, default, prefixK, default, default, logSumExp, dContext, default, default, dv), backward: false,
            static (RowKernels kernels, in AttentionOperands o, int sequence, int head, float* scratch) => kernels.AttentionValuesBackward(o, sequence, head, scratch));

    /// <summary>Every head of every sequence, with scratch for a forward or a backward pass.</summary>
    void ForHeads(in AttentionOperands operands, bool backward, HeadWork work)
    {
        var (layout, shape) = (operands.Layout, operands.Shape);
        RequireRows(operands.Q.Rows, layout.QueryRows);
        RequireRows(operands.K.Rows, layout.Rows);
        pool.For(layout.Sequences * shape.Heads, Grain(layout, shape), (Device: this, O: operands, backward, work),
            static (in (HostDevice Device, AttentionOperands O, bool Backward, HeadWork Work) job, int from, int to, int thread) =>
            {
                ref readonly var o = ref job.O;
                var memory = job.Device.scratch.Reserve(thread, job.Device.kernels.AttentionScratch(o.Shape.HeadDim, o.Layout.LongestSequence, job.Backward));
                for (var unit = from; unit < to; unit++) job.Work(job.Device.kernels, o, unit / o.Shape.Heads, unit % o.Shape.Heads, memory);
            });
    }

    /// <summary>Heads of a sequence that are worth a chunk of work of their own.</summary>
    static int Grain(Ragged layout, AttentionShape shape)
    {
        var work = (long)layout.QueryRows * layout.LongestSequence * shape.HeadDim / layout.Sequences;
        return (int)Math.Clamp(SmallProduct / Math.Max(work, 1), 1, shape.Heads);
    }
}
