using System.Runtime.CompilerServices;

namespace Faith.Kernels.Host;

public sealed unsafe partial class HostDevice
{
    /// <inheritdoc/>
    public override void AttentionForward(Ragged layout, AttentionShape shape, Tensor q, Tensor k, Tensor v, Tensor prefixK, Tensor prefixV, Tensor context, Tensor normalizers) =>
        ForHeads(new(layout, shape, q, k, v, prefixK, prefixV, context, normalizers, default, default, default, default), backward: false,
            static (RowKernels kernels, in AttentionOperands o, int sequence, int head, float* scratch) => kernels.AttentionForward(o, sequence, head, scratch));
}

internal sealed unsafe partial class RowKernels<V>
{
    public override void AttentionForward(in AttentionOperands o, int sequence, int head, float* scratch)
    {
        var s = new HeadOfSequence(o, sequence, head);
        float* keys = scratch, p = keys + (long)s.HeadDim * s.Pitch;
        Transpose(s, o.K, o.PrefixK, keys);
        for (var first = 0; first < s.Queries; first += QueryBlock)
        {
            int count = Math.Min(QueryBlock, s.Queries - first), from = s.FirstSeen(first), to = s.Seen(first + count - 1);
            Product(s.Query(o.Q, first), o.Q.Stride, 1, keys + from, s.Pitch, p + from, s.Pitch, count, to - from, s.HeadDim, false);
            for (var i = 0; i < count; i++)
            {
                var row = p + (long)i * s.Pitch;
                int begin = s.FirstSeen(first + i), end = s.Seen(first + i);
                var normalizer = s.Normalizer(o.Normalizers, first + i);
                normalizer[1] = 1 / Softmax(row + begin, end - begin, Cap(row + begin, end - begin, o.Shape), out normalizer[0]);
                ClearOutside(row, from, begin, end, to);
            }
            SumOverKeys(s, p, count, from, to, o.V, o.PrefixV, s.Query(o.Context, first), o.Context.Stride);
            for (var i = 0; i < count; i++)
            {
                var context = s.Query(o.Context, first + i);
                Map(new ScaleMap(s.Normalizer(o.Normalizers, first + i)[1]), context, context, context, s.HeadDim);
            }
        }
    }

    /// <summary>x = exp(scale·x − largest), scale ≥ 0; returns the sum.</summary>
    [MethodImpl(Hot)]
    static float Softmax(float* x, int n, float scale, out float largest)
    {
        largest = Largest(x, n) * scale;
        V f = V.Of(scale), m = V.Of(largest), sum = V.Of(0);
        var i = 0;
        for (; i <= n - V.Count; i += V.Count)
        {
            var e = Exp(V.Load(x + i) * f - m);
            sum += e;
            e.Store(x + i);
        }
        var total = sum.Sum();
        if (i < n)
        {
            var rest = n - i;
            Exp(V.LoadFirst(x + i, rest, 0) * f - m).StoreFirst(x + i, rest);
            total += V.LoadFirst(x + i, rest, 0).Sum(); // without what stood in the lanes past the end
        }
        return total;
    }

    /// <summary>x = 0 from <paramref name="from"/> to <paramref name="begin"/> and from <paramref name="end"/> to <paramref name="to"/>: what other queries of a block see and this one does not.</summary>
    static void ClearOutside(float* x, int from, int begin, int end, int to)
    {
        new Span<float>(x + from, begin - from).Clear();
        new Span<float>(x + end, to - end).Clear();
    }
}
