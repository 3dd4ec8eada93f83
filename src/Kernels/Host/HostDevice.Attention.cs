namespace Faith.Kernels.Host;

/// <summary>Operands of <see cref="Device.AttentionForward"/> and <see cref="Device.AttentionBackward"/>.</summary>
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
        pool.For(layout.Sequences * shape.Heads, 1, (this, operands), static (in (HostDevice device, AttentionOperands o) job, int from, int to, int thread) =>
        {
            for (var unit = from; unit < to; unit++) job.device.AttendForward(job.o, unit / job.o.Shape.Heads, unit % job.o.Shape.Heads, thread);
        });
    }

    /// <inheritdoc/>
    public override void AttentionBackward(Ragged layout, AttentionShape shape, Tensor q, Tensor k, Tensor v, Tensor prefixK, Tensor prefixV,
        Tensor context, Tensor logSumExp, Tensor dContext, Tensor dq, Tensor dk, Tensor dv)
    {
        RequireRows(q.Rows, layout.QueryRows);
        RequireRows(k.Rows, layout.Rows);
        var operands = new AttentionOperands(layout, shape, q, k, v, prefixK, prefixV, context, logSumExp, dContext, dq, dk, dv);
        pool.For(layout.Sequences * shape.Heads, 1, (this, operands), static (in (HostDevice device, AttentionOperands o) job, int from, int to, int thread) =>
        {
            for (var unit = from; unit < to; unit++) job.device.AttendBackward(job.o, unit / job.o.Shape.Heads, unit % job.o.Shape.Heads, thread);
        });
    }

    void AttendForward(in AttentionOperands o, int s, int head, int thread)
    {
        int dh = o.Shape.HeadDim, prefix = o.Layout.PrefixLengths[s], first = o.Layout.Offsets[s], rows = o.Layout.Offsets[s + 1] - first;
        int firstQuery = o.Layout.QueryOffsets[s], queries = o.Layout.QueryOffsets[s + 1] - firstQuery;
        var p = scratch.Reserve(thread, o.Layout.LongestSequence);
        for (var i = 0; i < queries; i++)
        {
            var keys = prefix + rows - queries + i + 1;
            var q = o.Q.Row(firstQuery + i) + head * dh;
            var largest = float.NegativeInfinity;
            for (var j = 0; j < keys; j++)
            {
                var key = Key(o.K, o.PrefixK, o, s, head, j);
                float dot = 0;
                for (var c = 0; c < dh; c++) dot += q[c] * key[c];
                p[j] = dot * o.Shape.Scale;
                largest = MathF.Max(largest, p[j]);
            }
            float sum = 0;
            for (var j = 0; j < keys; j++) sum += p[j] = MathF.Exp(p[j] - largest);
            o.LogSumExp.Row(firstQuery + i)[head] = largest + MathF.Log(sum);
            var context = new Span<float>(o.Context.Row(firstQuery + i) + head * dh, dh);
            context.Clear();
            for (var j = 0; j < keys; j++)
            {
                var value = Key(o.V, o.PrefixV, o, s, head, j);
                for (var c = 0; c < dh; c++) context[c] += p[j] / sum * value[c];
            }
        }
    }

    void AttendBackward(in AttentionOperands o, int s, int head, int thread)
    {
        int dh = o.Shape.HeadDim, prefix = o.Layout.PrefixLengths[s], first = o.Layout.Offsets[s], rows = o.Layout.Offsets[s + 1] - first;
        int firstQuery = o.Layout.QueryOffsets[s], queries = o.Layout.QueryOffsets[s + 1] - firstQuery;
        for (var j = 0; j < rows; j++)
        {
            new Span<float>(o.Dk.Row(first + j) + head * dh, dh).Clear();
            new Span<float>(o.Dv.Row(first + j) + head * dh, dh).Clear();
        }
        for (var i = 0; i < queries; i++)
        {
            var keys = prefix + rows - queries + i + 1;
            float* q = o.Q.Row(firstQuery + i) + head * dh, dq = o.Dq.Row(firstQuery + i) + head * dh;
            float* context = o.Context.Row(firstQuery + i) + head * dh, d = o.DContext.Row(firstQuery + i) + head * dh;
            float delta = 0, lse = o.LogSumExp.Row(firstQuery + i)[head];
            for (var c = 0; c < dh; c++) delta += d[c] * context[c];
            new Span<float>(dq, dh).Clear();
            for (var j = 0; j < keys; j++)
            {
                float* key = Key(o.K, o.PrefixK, o, s, head, j), value = Key(o.V, o.PrefixV, o, s, head, j);
                float dot = 0, dp = 0;
                for (var c = 0; c < dh; c++)
                {
                    dot += q[c] * key[c];
                    dp += d[c] * value[c];
                }
                var p = MathF.Exp(dot * o.Shape.Scale - lse);
                var ds = p * (dp - delta) * o.Shape.Scale;
                for (var c = 0; c < dh; c++) dq[c] += ds * key[c];
                if (j < prefix) continue;
                float* dk = o.Dk.Row(first + j - prefix) + head * dh, dv = o.Dv.Row(first + j - prefix) + head * dh;
                for (var c = 0; c < dh; c++)
                {
                    dk[c] += ds * q[c];
                    dv[c] += p * d[c];
                }
            }
        }
    }

    static float* Key(Tensor suffix, Tensor prefix, in AttentionOperands o, int s, int head, int j)
    {
        var length = o.Layout.PrefixLengths[s];
        return j < length
            ? prefix.Row(o.Layout.PrefixOffsets[s] + j) + head / o.Shape.PrefixGroup * o.Shape.HeadDim
            : suffix.Row(o.Layout.Offsets[s] + j - length) + head / o.Shape.SuffixGroup * o.Shape.HeadDim;
    }
}
