using System.Runtime.InteropServices;

namespace Faith.Kernels.Cuda;

// Launchers of attention.cu and attention_short.cu.
public sealed partial class CudaDevice
{
    internal const int WidestHeadOfGpu = 256;

    /// <inheritdoc/>
    public override int WidestHead => WidestHeadOfGpu;

    [StructLayout(LayoutKind.Sequential)]
    private record struct AttentionParameters
    {
        public Tensor Q, K, V, PrefixK, PrefixV, Context, LogSumExp;
        public Tensor DContext, Dq, Dk, Dv, Dots;
        public Indices Offsets, QueryOffsets, PrefixOffsets, PrefixLengths;
        public int HeadDim, SuffixGroup, PrefixGroup, Tiles;
        public float Scale;
    }

    /// <inheritdoc/>
    public override void AttentionForward(Ragged layout, AttentionShape shape, Tensor q, Tensor k, Tensor v, Tensor prefixK, Tensor prefixV,
        Tensor context, Tensor logSumExp)
    {
        var parameters = Attention(layout, shape, q, k, v, prefixK, prefixV, context, logSumExp);
        LaunchAttention("attention_forward", layout, shape, LongestQueries(layout), parameters);
    }

    /// <inheritdoc/>
    public override void AttentionBackward(Ragged layout, AttentionShape shape, Tensor q, Tensor k, Tensor v, Tensor prefixK,
        Tensor prefixV, Tensor context, Tensor logSumExp, Tensor dContext, Tensor dq, Tensor dk, Tensor dv)
    {
        var parameters = Attention(layout, shape, q, k, v, prefixK, prefixV, context, logSumExp);
        var width = shape.Heads * shape.HeadDim;
        RequireShape(dContext, layout.QueryRows, width);
        RequireShape(dq, layout.QueryRows, width);
        RequireShape(dk, layout.Rows, width);
        RequireShape(dv, layout.Rows, width);
        parameters.DContext = dContext;
        parameters.Dq = dq;
        parameters.Dk = dk;
        parameters.Dv = dv;
        if (IsShort(layout, shape))
        {
            Launch(shape.HeadDim > 64 ? "attention_backward_short_128" : "attention_backward_short_64", parameters, layout.Sequences, shape.Heads);
            return;
        }
        parameters.Dots = new(Workspace(CudaScratch.OfAttentionBackward(layout, shape)), layout.QueryRows, shape.Heads);
        LaunchAttention("attention_backward_queries", layout, shape, LongestQueries(layout), parameters);
        LaunchAttention("attention_backward_keys", layout, shape, LongestSuffix(layout), parameters);
    }

    /// <inheritdoc/>
    public override void AttentionValuesBackward(Ragged layout, AttentionShape shape, Tensor q, Tensor k, Tensor prefixK, Tensor logSumExp,
        Tensor dContext, Tensor dv)
    {
        var width = shape.Heads * shape.HeadDim;
        RequireShape(dv, layout.Rows, width);
        // Neither values nor contexts are read: what is as wide stands in for them.
        var parameters = Attention(layout, shape, q, k, k, prefixK, prefixK, dContext, logSumExp);
        parameters.DContext = dContext;
        parameters.Dv = dv;
        LaunchAttention("attention_backward_values", layout, shape, LongestSuffix(layout), parameters);
    }

    /// <summary>
    /// True where one kernel computes all gradients of attention: it holds those of a whole suffix's keys and values in registers.
    /// Otherwise two do, with the same bits.
    /// </summary>
    internal static bool IsShort(Ragged layout, AttentionShape shape) => LongestSuffix(layout) <= shape.HeadDim switch
    {
        <= 64 => 64,
        <= 128 => 32,
        _ => 0,
    };

    private static AttentionParameters Attention(Ragged layout, AttentionShape shape, Tensor q, Tensor k, Tensor v, Tensor prefixK,
        Tensor prefixV, Tensor context, Tensor logSumExp)
    {
        ArgumentNullException.ThrowIfNull(layout);
        if (shape.HeadDim > WidestHeadOfGpu)
            throw new NotSupportedException($"heads of width {shape.HeadDim}: the CUDA kernels take at most {WidestHeadOfGpu}");
        if (layout.OnDevice.Offsets.Pointer == 0)
            throw new InvalidOperationException("the layout is not on the device; call Prepare first");
        var width = shape.Heads * shape.HeadDim;
        RequireShape(q, layout.QueryRows, width);
        RequireShape(k, layout.Rows, width / shape.SuffixGroup);
        RequireShape(v, layout.Rows, width / shape.SuffixGroup);
        RequireShape(context, layout.QueryRows, width);
        RequireShape(logSumExp, layout.QueryRows, shape.Heads);
        for (var s = 0; s < layout.Sequences; s++)
            if (layout.PrefixLengths[s] > 0 && (layout.PrefixOffsets[s] < 0
                || layout.PrefixOffsets[s] + layout.PrefixLengths[s] > Math.Min(prefixK.Rows, prefixV.Rows)))
                throw new ArgumentException($"sequence {s} has a prefix outside of the {prefixK.Rows} rows of prefix keys and values",
                    nameof(prefixK));
        if (!prefixK.IsNone)
        {
            RequireShape(prefixK, prefixK.Rows, width / shape.PrefixGroup);
            RequireShape(prefixV, prefixV.Rows, width / shape.PrefixGroup);
        }
        var onDevice = layout.OnDevice;
        return new()
        {
            Q = q,
            K = k,
            V = v,
            PrefixK = prefixK,
            PrefixV = prefixV,
            Context = context,
            LogSumExp = logSumExp,
            Offsets = onDevice.Offsets,
            QueryOffsets = onDevice.QueryOffsets,
            PrefixOffsets = onDevice.PrefixOffsets,
            PrefixLengths = onDevice.PrefixLengths,
            HeadDim = shape.HeadDim,
            SuffixGroup = shape.SuffixGroup,
            PrefixGroup = shape.PrefixGroup,
            Scale = shape.Scale,
        };
    }

    // A block works on warps·each rows of one head of one sequence. A warp takes several rows where the sequences are long
    // enough to fill it, since its tile of keys then serves several.
    private void LaunchAttention(string kernel, Ragged layout, AttentionShape shape, int longest, AttentionParameters parameters)
    {
        var warps = shape.HeadDim > 128 ? 4 : 8;
        var (name, each) = (shape.HeadDim, longest > warps) switch
        {
            ( > 128, _) => ("256_one", 1),
            ( > 64, true) => ("128_two", 2),
            ( > 64, false) => ("128_one", 1),
            (_, true) => ("64_four", 4),
            (_, false) => ("64_one", 1),
        };
        parameters.Tiles = (int)CeilDiv(longest, warps * each);
        Launch($"{kernel}_{name}", parameters, (long)layout.Sequences * parameters.Tiles, shape.Heads);
    }

    private static int LongestQueries(Ragged layout) => Longest(layout.QueryOffsets);

    private static int LongestSuffix(Ragged layout) => Longest(layout.Offsets);

    private static int Longest(int[] offsets)
    {
        var longest = 0;
        for (var s = 1; s < offsets.Length; s++)
            longest = Math.Max(longest, offsets[s] - offsets[s - 1]);
        return longest;
    }
}
