using System.Runtime.CompilerServices;

namespace Faith.Kernels.Host;

public sealed unsafe partial class HostDevice
{
    /// <inheritdoc/>
    public override void AttentionBackward(Ragged layout, AttentionShape shape, Tensor q, Tensor k, Tensor v, Tensor prefixK, Tensor prefixV,
        Tensor context, Tensor normalizers, Tensor dContext, Tensor dq, Tensor dk, Tensor dv)
    {
        var operands = new AttentionOperands(layout, shape, q, k, v, prefixK, prefixV, context, normalizers, dContext, dq, dk, dv);
        if (dq.IsNone) ForHeads(operands, backward: false, static (RowKernels kernels, in AttentionOperands o, int sequence, int head, float* scratch) => kernels.AttentionValuesBackward(o, sequence, head, scratch));
        else ForHeads(operands, backward: true, static (RowKernels kernels, in AttentionOperands o, int sequence, int head, float* scratch) => kernels.AttentionBackward(o, sequence, head, scratch));
    }
}

internal sealed unsafe partial class RowKernels<V>
{
    public override void AttentionBackward(in AttentionOperands o, int sequence, int head, float* scratch)
    {
        var s = new HeadOfSequence(o, sequence, head);
        float* keys = scratch, values = keys + (long)s.HeadDim * s.Pitch, p = values + (long)s.HeadDim * s.Pitch, ds = p + (long)QueryBlock * s.Pitch, bends = ds + (long)QueryBlock * s.Pitch;
        Transpose(s, o.K, o.PrefixK, keys);
        Transpose(s, o.V, o.PrefixV, values);
        for (var j = 0; j < s.Rows; j++)
        {
            new Span<float>(s.Gradient(o.Dk, j), s.HeadDim).Clear();
            new Span<float>(s.Gradient(o.Dv, j), s.HeadDim).Clear();
        }
        for (var first = 0; first < s.Queries; first += QueryBlock)
        {
            int count = Math.Min(QueryBlock, s.Queries - first), from = s.FirstSeen(first), to = s.Seen(first + count - 1);
            float* q = s.Query(o.Q, first), d = s.Query(o.DContext, first);
            Product(q, o.Q.Stride, 1, keys + from, s.Pitch, p + from, s.Pitch, count, to - from, s.HeadDim, false);
            Product(d, o.DContext.Stride, 1, values + from, s.Pitch, ds + from, s.Pitch, count, to - from, s.HeadDim, false);
            for (var i = 0; i < count; i++)
            {
                float* row = p + (long)i * s.Pitch, slopes = ds + (long)i * s.Pitch;
                int begin = s.FirstSeen(first + i), end = s.Seen(first + i);
                SoftmaxGradient(row + begin, slopes + begin, bends, end - begin, o.Shape, s.Normalizer(o.Normalizers, first + i));
                ClearOutside(row, from, begin, end, to);
                ClearOutside(slopes, from, begin, end, to);
            }
            SumOverKeys(s, ds, count, from, to, o.K, o.PrefixK, s.Query(o.Dq, first), o.Dq.Stride);
            SumOverQueries(s, ds, count, from, to, q, o.Q.Stride, o.Dk);
            SumOverQueries(s, p, count, from, to, d, o.DContext.Stride, o.Dv);
        }
    }

    /// <summary>Row j of the suffix of dk or dv += Σ over the queries of a block of weight[i][j]·(row i of x), for the keys from <paramref name="from"/> to <paramref name="to"/>.</summary>
    static void SumOverQueries(in HeadOfSequence s, float* weights, int queries, int from, int to, float* x, nint stride, RawTensor gradient)
    {
        var first = Math.Max(from, s.Prefix);
        Product(weights + first, 1, s.Pitch, x, stride, s.Gradient(gradient, first - s.Prefix), gradient.Stride, to - first, s.HeadDim, queries, true);
    }

    /// <summary>p = exp(scale·p − largest)/Σ, ds = p·(ds − Σ p·ds)·scale. Where one key has all of the probability, ds is exactly zero.</summary>
    [MethodImpl(Hot)]
    static void SoftmaxGradient(float* p, float* ds, int n, float scale, float* normalizer)
    {
        V f = V.Of(scale), largest = V.Of(normalizer[0]), inverse = V.Of(normalizer[1]), sum = V.Of(0);
        var i = 0;
        for (; i <= n - V.Count; i += V.Count)
        {
            var probability = Exp(V.Load(p + i) * f - largest) * inverse;
            probability.Store(p + i);
            sum = V.MultiplyAdd(probability, V.Load(ds + i), sum);
        }
        if (i < n)
        {
            (Exp(V.LoadFirst(p + i, n - i, 0) * f - largest) * inverse).StoreFirst(p + i, n - i);
            sum = V.MultiplyAdd(V.LoadFirst(p + i, n - i, 0), V.LoadFirst(ds + i, n - i, 0), sum); // without what stood in the lanes past the end
        }
        var mean = V.Of(sum.Sum());
        for (i = 0; i <= n - V.Count; i += V.Count) (V.Load(p + i) * f * (V.Load(ds + i) - mean)).Store(ds + i);
        if (i < n) (V.LoadFirst(p + i, n - i, 0) * f * (V.LoadFirst(ds + i, n - i, 0) - mean)).StoreFirst(ds + i, n - i);
    }

    /// <summary>The same of products q·k that may have a cap, whose slopes take the memory of <paramref name="bends"/>.</summary>
    static void SoftmaxGradient(float* p, float* ds, float* bends, int n, in AttentionShape shape, float* normalizer)
    {
        if (shape.Cap != 0) Map(new CapSlopeMap(shape.Scale, shape.Cap), p, p, bends, n);
        SoftmaxGradient(p, ds, n, Cap(p, n, shape), normalizer);
        if (shape.Cap != 0) Map(new MultiplyMap(), ds, bends, ds, n);
    }
}
