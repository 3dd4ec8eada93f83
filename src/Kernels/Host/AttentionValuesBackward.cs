using System.Runtime.CompilerServices;

namespace Faith.Kernels.Host;

internal sealed unsafe partial class RowKernels<V>
{
    public override void AttentionValuesBackward(in AttentionOperands o, int sequence, int head, float* scratch)
    {
        var s = new HeadOfSequence(o, sequence, head);
        float* keys = scratch, p = keys + (long)s.HeadDim * s.Pitch;
        Transpose(s, o.K, o.PrefixK, keys);
        for (var j = 0; j < s.Rows; j++) new Span<float>(s.Gradient(o.Dv, j), s.HeadDim).Clear();
        for (var first = 0; first < s.Queries; first += QueryBlock)
        {
            int count = Math.Min(QueryBlock, s.Queries - first), from = s.FirstSeen(first), to = s.Seen(first + count - 1);
            Product(s.Query(o.Q, first), o.Q.Stride, 1, keys + from, s.Pitch, p + from, s.Pitch, count, to - from, s.HeadDim, false);
            for (var i = 0; i < count; i++)
            {
                float* row = p + (long)i * s.Pitch;
                int begin = s.FirstSeen(first + i), end = s.Seen(first + i);
                var normalizer = s.Normalizer(o.Normalizers, first + i);
                Map(new ProbabilityMap(Cap(row + begin, end - begin, o.Shape), normalizer[0], normalizer[1]), row + begin, row + begin, row + begin, end - begin);
                ClearOutside(row, from, begin, end, to);
            }
            SumOverQueries(s, p, count, from, to, s.Query(o.DContext, first), o.DContext.Stride, o.Dv);
        }
    }

    readonly struct ProbabilityMap(float scale, float largest, float inverse) : IMap
    {
        [MethodImpl(Inline)]
        public V Apply(V score, V _) => Exp(score * V.Of(scale) - V.Of(largest)) * V.Of(inverse);
    }
}
