using System.Runtime.CompilerServices;

namespace Faith.Kernels.Host;

public sealed unsafe partial class HostDevice
{
    /// <inheritdoc/>
    public override void AttentionForward(Ragged layout, AttentionShape shape, Tensor q, Tensor k, Tensor v, Tensor prefixK, Tensor prefixV, Tensor context, Tensor normalizers) =>
        ForHeads(new(layout, shape, q, k, v, prefixK, prefixV, context, normalizers, default, default, default, default), backward: false,
            static (RowKernels kernels, in AttentionOperands o, int sequence, int head, int heads, float* scratch) => kernels.AttentionForward(o, sequence, head, heads, scratch));
}

internal sealed unsafe partial class RowKernels<V>
{
    [MethodImpl(Hot)]
    public override void AttentionForward(in AttentionOperands o, int sequence, int head, int heads, float* scratch)
    {
        var s = new HeadOfSequence(o, sequence, head);
        var memory = new AttentionMemory(scratch, s.HeadDim, s.Keys);
        Turn(s, o.K, o.PrefixK, memory.TurnedKeys);
        Prefetch(s, s.SuffixRow(o.K, 0), o.K.Stride, s.Rows);
        GatherKeys(s, o.V, o.PrefixV, memory.RowsOfKeys);
        Prefetch(s, s.SuffixRow(o.V, 0), o.V.Stride, s.Rows);
        for (var i = 0; i < heads; i++) AttentionForward(new HeadOfSequence(o, sequence, head + i), o, memory);
    }

    [MethodImpl(Hot)]
    static void AttentionForward(in HeadOfSequence s, in AttentionOperands o, in AttentionMemory memory)
    {
        float* q = memory.Queries, p = memory.Probabilities, sums = memory.Sums;
        Prefetch(s, s.Query(o.Q, 0), o.Q.Stride, s.Queries);
        for (var first = 0; first < s.Queries; first += QueryBlock)
        {
            int count = Math.Min(QueryBlock, s.Queries - first), from = s.FirstSeen(first), to = s.Seen(first + count - 1);
            Gather(s.Query(o.Q, first), o.Q.Stride, count, s.HeadDim, q, s.Width);
            MultiplyTurned(s, q, memory.TurnedKeys, p, count, from, to);
            for (var i = 0; i < count; i++)
            {
                var row = p + (long)i * s.Pitch;
                int begin = s.FirstSeen(first + i), end = s.Seen(first + i);
                var normalizer = s.Normalizer(o.Normalizers, first + i);
                normalizer[1] = 1 / Softmax(row + begin, end - begin, Finish(row + begin, end - begin, s.Bias(begin), o.Shape), out normalizer[0]);
                ClearOutside(row, from, begin, end, to);
            }
            SumOverKeys(s, p, first, count, from, memory.RowsOfKeys, sums);
            Scatter(sums, s.Width, s.Normalizer(o.Normalizers, first) + 1, o.Normalizers.Stride, count, s.HeadDim, s.Query(o.Context, first), o.Context.Stride);
        }
        Prefetch(s, s.Query(o.Context, 0), o.Context.Stride, s.Queries);
    }

    /// <summary>x = exp(scale·x − largest), scale ≥ 0; returns the sum. A whole register may be read and written past the end.</summary>
    [MethodImpl(Hot)]
    static float Softmax(float* x, int n, float scale, out float largest)
    {
        var f = V.Of(scale);
        if (n <= V.Count)
        {
            var scores = V.Load(x);
            largest = V.First(scores, n, float.NegativeInfinity).Largest() * scale;
            var all = V.First(Exp(scores * f - V.Of(largest)), n, 0);
            all.Store(x);
            return all.Sum();
        }
        var top = V.Of(float.NegativeInfinity);
        var i = 0;
        for (; i <= n - V.Count; i += V.Count) top = V.Max(top, V.Load(x + i));
        if (i < n) top = V.Max(top, V.First(V.Load(x + i), n - i, float.NegativeInfinity));
        largest = top.Largest() * scale;
        V m = V.Of(largest), sum = V.Of(0);
        for (i = 0; i <= n - V.Count; i += V.Count)
        {
            var e = Exp(V.Load(x + i) * f - m);
            sum += e;
            e.Store(x + i);
        }
        var total = sum.Sum();
        if (i == n) return total;
        var rest = V.First(Exp(V.Load(x + i) * f - m), n - i, 0);
        rest.Store(x + i);
        return total + rest.Sum();
    }
}
