using ILGPU;
using ILGPU.Runtime;

namespace Faith.Kernels.Gpu;

internal struct AttentionOperands
{
    /// <summary>Of the normalizers two columns a head: largest, inverse of the sum.</summary>
    public Matrix Q, K, V, PrefixK, PrefixV, Context, Normalizers;
    /// <summary>The backward pass's; dots is [rows × heads].</summary>
    public Matrix DContext, Dq, Dk, Dv, Dots;
    /// <summary>What is added to products, [heads × positions] or none.</summary>
    public Matrix Bias;
    public ArrayView<int> Offsets, QueryOffsets, PrefixOffsets, PrefixLengths;
    /// <summary>Tiles: blocks of one head of the longest sequence. Window: the most keys that a query sees.</summary>
    public int HeadDim, SuffixGroup, PrefixGroup, Tiles, Window;
    public float Scale, Cap;
}

/// <summary>One sequence as one head sees it.</summary>
internal struct Sequence
{
    public int Head, Row, Length, QueryRow, Queries, PrefixRow, PrefixLength;

    public static Sequence At(in AttentionOperands p, int s, int head)
    {
        int row = p.Offsets[s], queryRow = p.QueryOffsets[s];
        return new()
        {
            Head = head,
            Row = row,
            Length = p.Offsets[s + 1] - row,
            QueryRow = queryRow,
            Queries = p.QueryOffsets[s + 1] - queryRow,
            PrefixRow = p.PrefixOffsets[s],
            PrefixLength = p.PrefixLengths[s],
        };
    }

    /// <summary>The key after the last one that query i sees, its own.</summary>
    public readonly int Visible(int i) => PrefixLength + Length - Queries + i + 1;

    /// <summary>Where the columns of query i begin in a matrix that has one row a query.</summary>
    public readonly long Query(in Matrix x, int i, int headDim) => (long)(QueryRow + i) * x.Stride + (long)Head * headDim;

    /// <summary>Where those of key j of the suffix begin.</summary>
    public readonly long SuffixKey(in Matrix suffix, int j, in AttentionOperands p) => (long)(Row + j) * suffix.Stride + (long)(Head / p.SuffixGroup) * p.HeadDim;

    /// <summary>Where those of key j of the prefix begin.</summary>
    public readonly long PrefixKey(in Matrix prefix, int j, in AttentionOperands p) => (long)(PrefixRow + j) * prefix.Stride + (long)(Head / p.PrefixGroup) * p.HeadDim;
}

/// <summary>How scores of a query become probabilities.</summary>
internal struct Normalizer
{
    public float Largest, Inverse;

    public static Normalizer Of(in AttentionOperands p, int row, int head) => new() { Largest = p.Normalizers[row, 2 * head], Inverse = p.Normalizers[row, 2 * head + 1] };

    public readonly float Probability(float score) => Functions.Exp(score - Largest) * Inverse;
}

/// <summary>
/// Causal softmax attention over packed sequences of different lengths, each with an optional prefix of keys and values. Nothing of size queries ×
/// keys is stored: the forward pass keeps each query's largest score and 1/Σ exp(score − largest), from which the backward pass forms the
/// probabilities again (after Dao et al. 2022, who keep the logarithm of the sum plus the largest: where scores are in the hundreds, that
/// loses the digits of the probabilities).
///
/// A warp works on a few queries (keys, for the gradients at keys and values) of one head of one sequence: as many as <c>E</c> has numbers; tiles
/// of 32 keys (queries) pass through shared memory, one a lane in the products over the columns, and 32 columns a lane-step in the sums
/// over the tile. Tiles start at key (query) 0 of the sequence, so a row's bits depend on its own sequence only. A lane has the columns lane,
/// lane + 32, …: as many as <c>V</c> has numbers.
/// </summary>
internal static partial class AttentionKernels
{
    public const int WidestHead = 256;

    /// <summary>A window that no sequence is longer than.</summary>
    public const int NoWindow = 1 << 30;

    /// <summary>The kernels of one operation for heads of up to 64, 128 and 256 columns: four, two rows and one a warp; of the narrow ones a multiprocessor is to hold some blocks at least.</summary>
    public sealed class OfWidths(string name, int? blocks, Action<AttentionOperands> narrow, Action<AttentionOperands> middle, Action<AttentionOperands> wide)
    {
        public GpuKernel<AttentionOperands> Narrow { get; } = new(name + ".64", narrow, 256, blocks);
        public GpuKernel<AttentionOperands> Middle { get; } = new(name + ".128", middle, 256);
        public GpuKernel<AttentionOperands> Wide { get; } = new(name + ".256", wide, 128);
        public IEnumerable<GpuKernel> All => [Narrow, Middle, Wide];
    }

    /// <summary>The kernels with a cap of the scores, with biases, or with neither.</summary>
    public static partial class Of<C> where C : struct, ICap
    {
        public static IEnumerable<GpuKernel> All => [.. Forwards.All, .. Queries.All, .. Keys.All, .. Values.All];
    }

    /// <summary>The kernels for what an operation does with scores.</summary>
    public static (OfWidths Forwards, OfWidths Queries, OfWidths Keys, OfWidths Values) For(AttentionShape shape) =>
        shape.Cap != 0 ? (Of<TanhCap>.Forwards, Of<TanhCap>.Queries, Of<TanhCap>.Keys, Of<TanhCap>.Values)
        : !shape.Bias.IsNone ? (Of<KeyBias>.Forwards, Of<KeyBias>.Queries, Of<KeyBias>.Keys, Of<KeyBias>.Values)
        : (Of<NoCap>.Forwards, Of<NoCap>.Queries, Of<NoCap>.Keys, Of<NoCap>.Values);

    private const int KeysOfTile = 32;

    private static int Lane => Group.IdxX & 31;
    private static int InBlock => Group.IdxX >> 5;
    private static int Warps => Group.DimX >> 5;

    // Warps of a block: a tile of the widest heads leaves room in shared memory for four.
    private static int MostWarps<V>() where V : unmanaged, IVector<V> => V.Count > 4 ? 4 : 8;

    // Fills a tile of 32 rows with the keys from first on, below seen; zeros behind them and in columns past headDim. A row has one float of
    // padding, so that the lanes of a warp, reading one column of 32 rows, read 32 banks.
    private static void LoadKeys<V>(ArrayView<float> tile, in AttentionOperands p, in Sequence s, in Matrix prefix, in Matrix suffix, int first, int seen) where V : unmanaged, IVector<V>
    {
        for (var i = InBlock; i < KeysOfTile; i += Warps)
        {
            var key = first + i;
            V row = default;
            if (key < seen && key < s.PrefixLength) row = V.LoadBelow(prefix.Data.SubView(s.PrefixKey(prefix, key, p)), Lane, 32, p.HeadDim);
            else if (key < seen) row = V.LoadBelow(suffix.Data.SubView(s.SuffixKey(suffix, key - s.PrefixLength, p)), Lane, 32, p.HeadDim);
            V.StoreBelow(tile, i * (32 * V.Count + 1) + Lane, 32, int.MaxValue, row);
        }
    }

    // Fills a tile with the queries from first on.
    private static void LoadQueries<V>(ArrayView<float> tile, in AttentionOperands p, in Sequence s, in Matrix x, int first) where V : unmanaged, IVector<V>
    {
        for (var i = InBlock; i < KeysOfTile; i += Warps)
        {
            V row = default;
            if (first + i < s.Queries) row = V.LoadBelow(x.Data.SubView(s.Query(x, first + i, p.HeadDim)), Lane, 32, p.HeadDim);
            V.StoreBelow(tile, i * (32 * V.Count + 1) + Lane, 32, int.MaxValue, row);
        }
    }

    // Fills rows of 32·V.Count floats with queries.
    private static void LoadOwnQueries<V>(ArrayView<float> rows, int count, in AttentionOperands p, in Sequence s, in Matrix x, int first) where V : unmanaged, IVector<V>
    {
        for (var i = InBlock; i < count; i += Warps)
        {
            V row = default;
            if (first + i < s.Queries) row = V.LoadBelow(x.Data.SubView(s.Query(x, first + i, p.HeadDim)), Lane, 32, p.HeadDim);
            V.StoreBelow(rows, i * 32 * V.Count + Lane, 32, int.MaxValue, row);
        }
    }

    // Fills them with keys of the suffix.
    private static void LoadOwnKeys<V>(ArrayView<float> rows, int count, in AttentionOperands p, in Sequence s, in Matrix x, int first) where V : unmanaged, IVector<V>
    {
        for (var i = InBlock; i < count; i += Warps)
        {
            V row = default;
            if (first + i < s.Length) row = V.LoadBelow(x.Data.SubView(s.SuffixKey(x, first + i, p)), Lane, 32, p.HeadDim);
            V.StoreBelow(rows, i * 32 * V.Count + Lane, 32, int.MaxValue, row);
        }
    }

    // What is added to the score of a head with a key. Beyond the last key any number does.
    private static float Bias<C>(in AttentionOperands p, int head, int key) where C : struct, ICap => C.HasBias ? p.Scale * p.Bias[head, Math.Min(key, p.Bias.Columns - 1)] : 0f;

    // Keys that the last query of a block sees; past the last query none. Blocks that have nothing to do go through the kernel like the others: PoCL 3.1
    // makes wrong code of a return before a barrier.
    private static int LastSeen(in Sequence s, int start, int block) => start < s.Queries ? s.Visible(Math.Min(start + block, s.Queries) - 1) : 0;

    // The first key that the first query of a block sees, down to a whole tile.
    private static int FirstSeen(in AttentionOperands p, in Sequence s, int start) => (int)((uint)Math.Max(s.Visible(start) - p.Window, 0) / KeysOfTile * KeysOfTile);

    // rows[i]·tile[lane] over the columns, sixteen at a time: past the last column both are zero.
    private static E Products<E, V>(ArrayView<Float4> rows, ArrayView<float> tile, int headDim) where E : unmanaged, IVector<E> where V : unmanaged, IVector<V>
    {
        E sums = default;
        var own = tile.SubView(Lane * (32 * V.Count + 1));
        for (var c = 0; c < headDim; c += 16)
        {
            // Views of the place, so that what follows stands at constant distances.
            ArrayView<Float4> row = rows.SubView(c >> 2);
            ArrayView<float> key = own.SubView(c);
            sums = Columns<E, V>(row, key, sums);
            sums = Columns<E, V>(row.SubView(1), key.SubView(4), sums);
            sums = Columns<E, V>(row.SubView(2), key.SubView(8), sums);
            sums = Columns<E, V>(row.SubView(3), key.SubView(12), sums);
        }
        return sums;
    }

    private static E Columns<E, V>(ArrayView<Float4> row, ArrayView<float> key, E sums) where E : unmanaged, IVector<E> where V : unmanaged, IVector<V> =>
        E.Dot(row, 8 * V.Count, new(key[0], key[1], key[2], key[3]), sums);

    // acc[i] += Σ_j weights[j][i]·tile[j], where lane j has put its weights into shared memory.
    private static M Accumulate<M, E, V>(ArrayView<float> tile, ArrayView<E> weights, M acc) where M : struct, IRowsOf<M, E, V> where E : unmanaged, IVector<E> where V : unmanaged, IVector<V>
    {
        var column = tile.SubView(Lane);
        for (var j = 0; j < KeysOfTile; j += 4)
        {
            var weight = weights.SubView(j);
            var key = column.SubView(j * (32 * V.Count + 1));
            acc = M.Fma(weight[0], V.Load(key, 0, 32), acc);
            acc = M.Fma(weight[1], V.Load(key, 32 * V.Count + 1, 32), acc);
            acc = M.Fma(weight[2], V.Load(key, 2 * (32 * V.Count + 1), 32), acc);
            acc = M.Fma(weight[3], V.Load(key, 3 * (32 * V.Count + 1), 32), acc);
        }
        return acc;
    }
}

public sealed partial class GpuDevice
{
    private static AttentionOperands Attention(Ragged layout, AttentionShape shape, Tensor q, Tensor k, Tensor v, Tensor prefixK, Tensor prefixV, Tensor context, Tensor normalizers)
    {
        ArgumentNullException.ThrowIfNull(layout);
        if (shape.HeadDim > AttentionKernels.WidestHead)
            throw new NotSupportedException($"heads of width {shape.HeadDim}: the GPU kernels take at most {AttentionKernels.WidestHead}");
        if (layout.OnDevice.Offsets.Buffer is null) throw new InvalidOperationException("the layout is not on the device; call Prepare first");
        var width = shape.Heads * shape.HeadDim;
        RequireShape(q, layout.QueryRows, width);
        RequireShape(k, layout.Rows, width / shape.SuffixGroup);
        RequireShape(v, layout.Rows, width / shape.SuffixGroup);
        RequireShape(context, layout.QueryRows, width);
        RequireShape(normalizers, layout.QueryRows, 2 * shape.Heads);
        for (var s = 0; s < layout.Sequences; s++)
            if (layout.PrefixLengths[s] > 0 && (layout.PrefixOffsets[s] < 0 || layout.PrefixOffsets[s] + layout.PrefixLengths[s] > Math.Min(prefixK.Rows, prefixV.Rows)))
                throw new ArgumentException($"sequence {s} has a prefix outside of the {prefixK.Rows} rows of prefix keys and values", nameof(prefixK));
        if (!shape.Bias.IsNone)
        {
            if (shape.Cap != 0) throw new NotSupportedException("biases beside a cap");
            ArgumentOutOfRangeException.ThrowIfLessThan(shape.Bias.Columns, layout.LongestSequence, nameof(shape));
            RequireShape(shape.Bias, shape.Heads, shape.Bias.Columns);
        }
        if (!prefixK.IsNone)
        {
            RequireShape(prefixK, prefixK.Rows, width / shape.PrefixGroup);
            RequireShape(prefixV, prefixV.Rows, width / shape.PrefixGroup);
        }
        var onDevice = layout.OnDevice;
        return new()
        {
            Q = View(q),
            K = View(k),
            V = View(v),
            PrefixK = View(prefixK),
            PrefixV = View(prefixV),
            Context = View(context),
            Normalizers = View(normalizers),
            Offsets = View(onDevice.Offsets),
            QueryOffsets = View(onDevice.QueryOffsets),
            PrefixOffsets = View(onDevice.PrefixOffsets),
            PrefixLengths = View(onDevice.PrefixLengths),
            HeadDim = shape.HeadDim,
            SuffixGroup = shape.SuffixGroup,
            PrefixGroup = shape.PrefixGroup,
            Window = shape.Window > 0 ? Math.Min(shape.Window, AttentionKernels.NoWindow) : AttentionKernels.NoWindow,
            Scale = shape.Scale,
            Cap = shape.Cap,
            Bias = View(shape.Bias),
        };
    }

    // A block works on warps·each rows of one head of one sequence. A warp takes as many rows as leave room for their columns in registers, since its
    // tile of keys then serves several.
    private void LaunchAttention(AttentionKernels.OfWidths kernels, Ragged layout, AttentionShape shape, int longest, AttentionOperands operands)
    {
        var (kernel, each) = shape.HeadDim switch
        {
            > 128 => (kernels.Wide, 1),
            > 64 => (kernels.Middle, 2),
            _ => (kernels.Narrow, 4),
        };
        operands.Tiles = (int)CeilDiv(longest, kernel.Threads / 32 * each);
        Launch(kernel, operands, (long)layout.Sequences * operands.Tiles, shape.Heads);
    }

    private static int LongestQueries(Ragged layout) => Longest(layout.QueryOffsets);

    private static int LongestSuffix(Ragged layout) => Longest(layout.Offsets);

    private static int Longest(int[] offsets)
    {
        var longest = 0;
        for (var s = 1; s < offsets.Length; s++) longest = Math.Max(longest, offsets[s] - offsets[s - 1]);
        return longest;
    }
}
