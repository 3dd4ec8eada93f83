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
        float* keys = scratch, values = keys + (long)s.HeadDim * s.Pitch, p = values + (long)s.HeadDim * s.Pitch, ds = p + (long)QueryBlock * s.Pitch;
        Transpose(s, o.K, o.PrefixK, keys);
        Transpose(s, o.V, o.PrefixV, values);
        for (var j = 0; j < s.Rows; j++)
        {
            new Span<float>(s.Gradient(o.Dk, j), s.HeadDim).Clear();
            new Span<float>(s.Gradient(o.Dv, j), s.HeadDim).Clear();
        }
        for (var first = 0; first < s.Queries; first += QueryBlock)
        {
            int count = Math.Min(QueryBlock, s.Queries - first), seen = s.Seen(first + count - 1);
            float* q = s.Query(o.Q, first), d = s.Query(o.DContext, first);
            Product(q, o.Q.Stride, 1, keys, s.Pitch, p, s.Pitch, count, seen, s.HeadDim, false);
            Product(d, o.DContext.Stride, 1, values, s.Pitch, ds, s.Pitch, count, seen, s.HeadDim, false);
            for (var i = 0; i < count; i++)
                SoftmaxGradient(p + (long)i * s.Pitch, ds + (long)i * s.Pitch, s.Seen(first + i), seen, o.Shape.Scale, s.Normalizer(o.Normalizers, first + i));
            SumOverKeys(s, ds, count, seen, o.K, o.PrefixK, s.Query(o.Dq, first), o.Dq.Stride);
            var suffix = seen - s.Prefix;
            Product(ds + s.Prefix, 1, s.Pitch, q, o.Q.Stride, s.Gradient(o.Dk, 0), o.Dk.Stride, suffix, s.HeadDim, count, true);
            Product(p + s.Prefix, 1, s.Pitch, d, o.DContext.Stride, s.Gradient(o.Dv, 0), o.Dv.Stride, suffix, s.HeadDim, count, true);
        }
    }

    /// <summary>
    /// p = exp(scale·p − largest)/Σ, ds = p·(ds − Σ p·ds)·scale over the first n; both 0 from there to <paramref name="end"/>. Where one key has all of the
    /// probability, ds is exactly zero.
    /// </summary>
    [MethodImpl(Hot)]
    static void SoftmaxGradient(float* p, float* ds, int n, int end, float scale, float* normalizer)
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
        new Span<float>(p + n, end - n).Clear();
        new Span<float>(ds + n, end - n).Clear();
    }
}
