using System.Runtime.InteropServices;

namespace Faith.Kernels.Cuda;

// What the launchers of attention share: their operands and, for all but AttentionBackwardShort.cu, the shape of a launch.
public sealed partial class CudaDevice
{
    private const int WidestHeadOfGpu = 256;

    [StructLayout(LayoutKind.Sequential)]
    private record struct AttentionParameters
    {
        public RawTensor Q, K, V, PrefixK, PrefixV, Context, Normalizers;
        public RawTensor DContext, Dq, Dk, Dv, Dots;
        public RawIndices Offsets, QueryOffsets, PrefixOffsets, PrefixLengths;
        public int HeadDim, SuffixGroup, PrefixGroup, Tiles;
        public float Scale;
    }

    private static AttentionParameters Attention(Ragged layout, AttentionShape shape, RawTensor q, RawTensor k, RawTensor v, RawTensor prefixK,
        RawTensor prefixV, RawTensor context, RawTensor normalizers)
    {
        ArgumentNullException.ThrowIfNull(layout);
        if (shape.HeadDim > WidestHeadOfGpu)
            throw new NotSupportedException($"heads of width {shape.HeadDim}: the CUDA kernels take at most {WidestHeadOfGpu}");
        if (layout.OnDevice.Offsets.Buffer is null)
            throw new InvalidOperationException("the layout is not on the device; call Prepare first");
        var width = shape.Heads * shape.HeadDim;
        RequireShape(q, layout.QueryRows, width);
        RequireShape(k, layout.Rows, width / shape.SuffixGroup);
        RequireShape(v, layout.Rows, width / shape.SuffixGroup);
        RequireShape(context, layout.QueryRows, width);
        RequireShape(normalizers, layout.QueryRows, 2 * shape.Heads);
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
            Normalizers = normalizers,
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
