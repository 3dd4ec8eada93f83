using System.Runtime.CompilerServices;

namespace Faith.Kernels.Host;

internal sealed unsafe partial class RowKernels<V>
{
    [MethodImpl(Hot)]
    public override void AttentionValuesBackward(in AttentionOperands o, int sequence, int head, int heads, float* scratch)
    {
        var s = new HeadOfSequence(o, sequence, head);
        var memory = new AttentionMemory(scratch, s.HeadDim, s.Keys);
        Turn(s, o.K, o.PrefixK, memory.TurnedKeys);
        Prefetch(s, s.SuffixRow(o.K, 0), o.K.Stride, s.Rows);
        for (var i = 0; i < heads; i++) AttentionValuesBackward(new HeadOfSequence(o, sequence, head + i), o, memory);
    }

    [MethodImpl(Hot)]
    static void AttentionValuesBackward(in HeadOfSequence s, in AttentionOperands o, in AttentionMemory memory)
    {
        float* q = memory.Queries, d = memory.Gradients, p = memory.Probabilities;
        Prefetch(s, s.Query(o.Q, 0), o.Q.Stride, s.Queries);
        Prefetch(s, s.Query(o.DContext, 0), o.DContext.Stride, s.Queries);
        for (var first = 0; first < s.Queries; first += QueryBlock)
        {
            int count = Math.Min(QueryBlock, s.Queries - first), from = s.FirstSeen(first), to = s.Seen(first + count - 1);
            Gather(s.Query(o.Q, first), o.Q.Stride, count, s.HeadDim, q, s.Width);
            Gather(s.Query(o.DContext, first), o.DContext.Stride, count, s.HeadDim, d, s.Width);
            MultiplyTurned(s, q, memory.TurnedKeys, p, count, from, to);
            for (var i = 0; i < count; i++)
            {
                var row = p + (long)i * s.Pitch;
                int begin = s.FirstSeen(first + i), end = s.Seen(first + i);
                var normalizer = s.Normalizer(o.Normalizers, first + i);
                Map(new ProbabilityMap(Finish(row + begin, end - begin, s.Bias(begin), o.Shape), normalizer[0], normalizer[1]), row + begin, row + begin, row + begin, end - begin);
                ClearOutside(row, from, begin, end, to);
            }
            SumOverQueries(s, p, first, count, from, to, d, memory.ValueGradients);
        }
        ScatterKeys(s, memory.ValueGradients, o.Dv);
        Prefetch(s, s.Gradient(o.Dv, 0), o.Dv.Stride, s.Rows);
    }

    readonly struct ProbabilityMap(float scale, float largest, float inverse) : IMap
    {
        [MethodImpl(Inline)]
        public V Apply(V score, V _) => Exp(score * V.Of(scale) - V.Of(largest)) * V.Of(inverse);
    }
}
