using System.Runtime.CompilerServices;

namespace Faith.Kernels.Host;

public sealed unsafe partial class HostDevice
{
    /// <inheritdoc/>
    public override void AttentionBackward(Ragged layout, AttentionShape shape, Tensor q, Tensor k, Tensor v, Tensor prefixK, Tensor prefixV,
        Tensor context, Tensor normalizers, Tensor dContext, Tensor dq, Tensor dk, Tensor dv)
    {
        var operands = new AttentionOperands(layout, shape, q, k, v, prefixK, prefixV, context, normalizers, dContext, dq, dk, dv);
        if (dq.IsNone) ForHeads(operands, backward: true, static (RowKernels kernels, in AttentionOperands o, int sequence, int head, int heads, float* scratch) => kernels.AttentionValuesBackward(o, sequence, head, heads, scratch));
        else ForHeads(operands, backward: true, static (RowKernels kernels, in AttentionOperands o, int sequence, int head, int heads, float* scratch) => kernels.AttentionBackward(o, sequence, head, heads, scratch));
    }
}

internal sealed unsafe partial class RowKernels<V>
{
    [MethodImpl(Hot)]
    public override void AttentionBackward(in AttentionOperands o, int sequence, int head, int heads, float* scratch)
    {
        var s = new HeadOfSequence(o, sequence, head);
        var memory = new AttentionMemory(scratch, s.HeadDim, s.Keys);
        Turn(s, o.K, o.PrefixK, memory.TurnedKeys);
        GatherKeys(s, o.K, o.PrefixK, memory.RowsOfKeys);
        Prefetch(s, s.SuffixRow(o.K, 0), o.K.Stride, s.Rows);
        Turn(s, o.V, o.PrefixV, memory.TurnedValues);
        Prefetch(s, s.SuffixRow(o.V, 0), o.V.Stride, s.Rows);
        for (var i = 0; i < heads; i++) AttentionBackward(new HeadOfSequence(o, sequence, head + i), o, memory);
    }

    [MethodImpl(Hot)]
    static void AttentionBackward(in HeadOfSequence s, in AttentionOperands o, in AttentionMemory memory)
    {
        float* q = memory.Queries, d = memory.Gradients, p = memory.Probabilities, ds = memory.Slopes;
        Prefetch(s, s.Query(o.Q, 0), o.Q.Stride, s.Queries);
        Prefetch(s, s.Query(o.DContext, 0), o.DContext.Stride, s.Queries);
        for (var first = 0; first < s.Queries; first += QueryBlock)
        {
            int count = Math.Min(QueryBlock, s.Queries - first), from = s.FirstSeen(first), to = s.Seen(first + count - 1);
            Gather(s.Query(o.Q, first), o.Q.Stride, count, s.HeadDim, q, s.Width);
            Gather(s.Query(o.DContext, first), o.DContext.Stride, count, s.HeadDim, d, s.Width);
            MultiplyTurned(s, q, memory.TurnedKeys, p, count, from, to);
            MultiplyTurned(s, d, memory.TurnedValues, ds, count, from, to);
            for (var i = 0; i < count; i++)
            {
                float* row = p + (long)i * s.Pitch, slopes = ds + (long)i * s.Pitch;
                int begin = s.FirstSeen(first + i), end = s.Seen(first + i);
                SoftmaxGradient(row + begin, slopes + begin, memory.Bends, end - begin, s.Bias(begin), o.Shape, s.Normalizer(o.Normalizers, first + i));
                ClearOutside(row, from, begin, end, to);
                ClearOutside(slopes, from, begin, end, to);
            }
            SumOverKeys(s, ds, first, count, from, memory.RowsOfKeys, memory.Sums);
            Scatter(memory.Sums, s.Width, null, 0, count, s.HeadDim, s.Query(o.Dq, first), o.Dq.Stride);
            SumOverQueries(s, ds, first, count, from, to, q, memory.KeyGradients);
            SumOverQueries(s, p, first, count, from, to, d, memory.ValueGradients);
        }
        Prefetch(s, s.Query(o.Dq, 0), o.Dq.Stride, s.Queries);
        ScatterKeys(s, memory.KeyGradients, o.Dk);
        Prefetch(s, s.Gradient(o.Dk, 0), o.Dk.Stride, s.Rows);
        ScatterKeys(s, memory.ValueGradients, o.Dv);
        Prefetch(s, s.Gradient(o.Dv, 0), o.Dv.Stride, s.Rows);
    }

    /// <summary>
    /// p = exp(scale·p − largest)/Σ, ds = p·(ds − Σ p·ds)·scale. Where one key has all of the probability, ds is exactly zero. A whole register may be
    /// read and written past the end.
    /// </summary>
    [MethodImpl(Hot)]
    static void SoftmaxGradient(float* p, float* ds, int n, float scale, float* normalizer)
    {
        V f = V.Of(scale), largest = V.Of(normalizer[0]), inverse = V.Of(normalizer[1]), sum = V.Of(0);
        if (n <= V.Count)
        {
            V all = V.First(Exp(V.Load(p) * f - largest) * inverse, n, 0), slopes = V.First(V.Load(ds), n, 0);
            all.Store(p);
            V.First(all * f * (slopes - V.Of(V.MultiplyAdd(all, slopes, sum).Sum())), n, 0).Store(ds);
            return;
        }
        var i = 0;
        for (; i <= n - V.Count; i += V.Count)
        {
            var probability = Exp(V.Load(p + i) * f - largest) * inverse;
            probability.Store(p + i);
            sum = V.MultiplyAdd(probability, V.Load(ds + i), sum);
        }
        if (i < n)
        {
            var probability = V.First(Exp(V.Load(p + i) * f - largest) * inverse, n - i, 0);
            probability.Store(p + i);
            sum = V.MultiplyAdd(probability, V.First(V.Load(ds + i), n - i, 0), sum);
        }
        var mean = V.Of(sum.Sum());
        for (i = 0; i <= n - V.Count; i += V.Count) (V.Load(p + i) * f * (V.Load(ds + i) - mean)).Store(ds + i);
        if (i < n) V.First(V.Load(p + i) * f * (V.Load(ds + i) - mean), n - i, 0).Store(ds + i);
    }

    /// <summary>The same of products q·k that may have biases or a cap, whose slopes take the memory of <paramref name="bends"/>.</summary>
    [MethodImpl(Hot)]
    static void SoftmaxGradient(float* p, float* ds, float* bends, int n, float* bias, in AttentionShape shape, float* normalizer)
    {
        if (shape.Cap != 0) Map(new CapSlopeMap(shape.Scale, shape.Cap), p, p, bends, n);
        SoftmaxGradient(p, ds, n, Finish(p, n, bias, shape), normalizer);
        if (shape.Cap != 0) Map(new MultiplyMap(), ds, bends, ds, n);
    }
}
