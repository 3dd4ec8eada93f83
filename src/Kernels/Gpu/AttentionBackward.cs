using ILGPU;
using ILGPU.Runtime;

namespace Faith.Kernels.Gpu;

// The gradients of attention at its queries and, by a second kernel, at its keys and values; a third one's probabilities are constant.
internal static partial class AttentionKernels
{
    private readonly struct Exponential<C> : IMap<Seen> where C : struct, ICap
    {
        public static float Of(float dot, float largest, in Seen p, int query) => p.Sees(query) ? Functions.Exp(C.Of(dot * p.Scale, p.Cap, p.Bias) - largest) : 0f;
    }

    private readonly struct Minus : IMap<Seen>
    {
        public static float Of(float a, float b, in Seen p, int query) => a - b;
    }

    private readonly struct Slope : IMap<Seen>
    {
        public static float Of(float probability, float difference, in Seen p, int query) => p.Sees(query) ? probability * difference * p.Scale : 0f;
    }

    private readonly struct Bend<C> : IMap<Seen> where C : struct, ICap
    {
        public static float Of(float slope, float dot, in Seen p, int query) => C.Backward(slope, dot * p.Scale, p.Cap);
    }

    // dContext·context of a query, by one lane and in the order of Products: where a query sees one key alone, or all but, its context is the value
    // there, and this is the bits of dContext·value. A loop that all lanes go through alike: PoCL 3.1 writes where it should not otherwise.
    private static float DotOfContext(in AttentionOperands p, in Sequence s, int query)
    {
        long context = s.Query(p.Context, query, p.HeadDim), gradient = s.Query(p.DContext, query, p.HeadDim);
        float dot = 0;
        for (var c = 0; c < p.HeadDim; c++) dot = Exact.Fma(p.DContext.Data[gradient + c], p.Context.Data[context + c], dot);
        return dot;
    }

    /// <summary>
    /// Sets dq, and dots[row, head] = dContext·context for the next kernel. Bytes: each of q, context and their gradients once, k and v once for every
    /// block of queries. Operations a pair of query and key: 6·headDim.
    /// </summary>
    public static void BackwardQueries<M, E, V, C>(AttentionOperands p)
        where M : struct, IRowsOf<M, E, V> where E : unmanaged, IVector<E> where V : unmanaged, IVector<V> where C : struct, ICap
    {
        var queries = SharedMemory.Allocate<Float4>(MostWarps<V>() * E.Count * 8 * V.Count);
        var gradients = SharedMemory.Allocate<Float4>(MostWarps<V>() * E.Count * 8 * V.Count);
        var tile = SharedMemory.Allocate<float>(KeysOfTile * (32 * V.Count + 1));
        var weights = SharedMemory.Allocate<E>(32 * MostWarps<V>());
        // Of each query of the block: dot, largest score, inverse of the sum.
        var numbers = SharedMemory.Allocate<float>(3 * MostWarps<V>() * E.Count);
        var s = Sequence.At(p, Grid.IdxX / p.Tiles, Grid.IdxY);
        int block = Warps * E.Count, start = Grid.IdxX % p.Tiles * block, own = InBlock * E.Count, first = start + own;
        LoadOwnQueries<V>(queries.Cast<float>(), block, p, s, p.Q, start);
        LoadOwnQueries<V>(gradients.Cast<float>(), block, p, s, p.DContext, start);
        var query = first + (Lane & E.Count - 1);
        var dot = DotOfContext(p, s, Math.Min(query, s.Queries - 1));
        if (Lane < E.Count)
        {
            Normalizer normalizer = default;
            if (query < s.Queries)
            {
                p.Dots[s.QueryRow + query, s.Head] = dot;
                normalizer = Normalizer.Of(p, s.QueryRow + query, s.Head);
            }
            numbers[own + Lane] = dot;
            numbers[block + own + Lane] = normalizer.Largest;
            numbers[2 * block + own + Lane] = normalizer.Inverse;
        }
        Barrier.Wait();
        E dots = E.Load(numbers, own, 1), largest = E.Load(numbers, block + own, 1), inverse = E.Load(numbers, 2 * block + own, 1);
        var mine = own * 8 * V.Count;
        var seen = new Seen { First = first, Queries = s.Queries, Visible = s.Visible(first), Window = p.Window, Scale = p.Scale, Cap = p.Cap };
        M acc = default;
        var end = LastSeen(s, start, block);
        for (var key = FirstSeen(p, s, start); key < end; key += KeysOfTile)
        {
            seen.Key = key + Lane;
            seen.Bias = Bias<C>(p, s.Head, key + Lane);
            LoadKeys<V>(tile, p, s, p.PrefixK, p.K, key, end);
            Barrier.Wait();
            var score = Products<E, V>(queries.SubView(mine), tile, p.HeadDim);
            Barrier.Wait();
            LoadKeys<V>(tile, p, s, p.PrefixV, p.V, key, end);
            Barrier.Wait();
            var slope = Products<E, V>(gradients.SubView(mine), tile, p.HeadDim);
            Barrier.Wait();
            var probability = E.Map<Times, Seen>(E.Map<Exponential<C>, Seen>(score, largest, seen, 0), inverse, seen, 0);
            slope = E.Map<Slope, Seen>(probability, E.Map<Minus, Seen>(slope, dots, seen, 0), seen, 0);
            weights[Group.IdxX] = E.Map<Bend<C>, Seen>(slope, score, seen, 0);
            LoadKeys<V>(tile, p, s, p.PrefixK, p.K, key, end);
            Barrier.Wait();
            acc = Accumulate<M, E, V>(tile, weights.SubView(InBlock * 32), acc);
            Barrier.Wait();
        }
        M.Write(p.Dq, s.QueryRow, first, s.Queries, s.Head * p.HeadDim, Lane, p.HeadDim, acc);
    }

    /// <summary>A query that keys ask: those from First on, below Length, of which it sees the last Window ones below Visible.</summary>
    private struct Asking
    {
        public int First, Length, Visible, Window;
        public float Scale, Cap, Dot;
        public Normalizer Normalizer;

        public readonly bool Sees(int key) => First + key < Length && (uint)(Visible - 1 - (First + key)) < (uint)Window;

        /// <summary>Query <paramref name="query"/>; <paramref name="first"/> counts from the suffix's first key.</summary>
        public static Asking Of(in AttentionOperands p, in Sequence s, int query, int first)
        {
            var asking = new Asking { First = first, Length = s.Length, Window = p.Window, Scale = p.Scale, Cap = p.Cap };
            if (query < s.Queries)
            {
                asking.Visible = s.Visible(query) - s.PrefixLength;
                asking.Normalizer = Normalizer.Of(p, s.QueryRow + query, s.Head);
            }
            return asking;
        }
    }

    private readonly struct ProbabilityOfKey<C> : IMap<Asking> where C : struct, ICap
    {
        public static float Of(float dot, float bias, in Asking p, int key) => p.Sees(key) ? p.Normalizer.Probability(C.Of(dot * p.Scale, p.Cap, bias)) : 0f;
    }

    private readonly struct SlopeOfKey : IMap<Asking>
    {
        public static float Of(float probability, float dot, in Asking p, int key) => p.Sees(key) ? probability * (dot - p.Dot) * p.Scale : 0f;
    }

    private readonly struct BendOfKey<C> : IMap<Asking> where C : struct, ICap
    {
        public static float Of(float slope, float dot, in Asking p, int key) => C.Backward(slope, dot * p.Scale, p.Cap);
    }

    /// <summary>The biases of a sequence's keys as a head has them.</summary>
    private struct BiasRow
    {
        public Matrix Bias;
        public float Scale;
        public int Head, First;
    }

    private readonly struct BiasOfKey : IMap<BiasRow>
    {
        public static float Of(float a, float b, in BiasRow p, int key) => p.Scale * p.Bias[p.Head, Math.Min(p.First + key, p.Bias.Columns - 1)];
    }

    // Of the suffix's keys from first on, one a row of the warp; zero without biases.
    private static E BiasesOfKeys<E, C>(in AttentionOperands p, in Sequence s, int first) where E : unmanaged, IVector<E> where C : struct, ICap
    {
        E none = default;
        return C.HasBias ? E.Map<BiasOfKey, BiasRow>(none, none, new() { Bias = p.Bias, Scale = p.Scale, Head = s.Head, First = s.PrefixLength + first }, 0) : none;
    }

    // The first query that sees the block's first key, down to a whole tile; past the last key there is none.
    private static int FirstQuery(in Sequence s, int start) => start >= s.Length ? s.Queries : (int)((uint)Math.Max(start - (s.Length - s.Queries), 0) / KeysOfTile * KeysOfTile);

    // The query after the last one that sees the block's last key.
    private static int EndOfQueries(in AttentionOperands p, in Sequence s, int start, int block) => Math.Min(s.Queries, start + block - 1 + p.Window - (s.Length - s.Queries));

    /// <summary>
    /// Sets dk and dv, one block of columns a query head. Reads dots. Bytes: each of k, v and their gradients once, q and the gradient of context for every
    /// block of keys. Operations a pair of query and key: 8·headDim.
    /// </summary>
    public static void BackwardKeys<M, E, V, C>(AttentionOperands p)
        where M : struct, IRowsOf<M, E, V> where E : unmanaged, IVector<E> where V : unmanaged, IVector<V> where C : struct, ICap
    {
        var keys = SharedMemory.Allocate<Float4>(MostWarps<V>() * E.Count * 8 * V.Count);
        var values = SharedMemory.Allocate<Float4>(MostWarps<V>() * E.Count * 8 * V.Count);
        var tile = SharedMemory.Allocate<float>(KeysOfTile * (32 * V.Count + 1));
        var weights = SharedMemory.Allocate<E>(32 * MostWarps<V>());
        var s = Sequence.At(p, Grid.IdxX / p.Tiles, Grid.IdxY);
        int block = Warps * E.Count, start = Grid.IdxX % p.Tiles * block, own = InBlock * E.Count, first = start + own, mine = own * 8 * V.Count;
        LoadOwnKeys<V>(keys.Cast<float>(), block, p, s, p.K, start);
        LoadOwnKeys<V>(values.Cast<float>(), block, p, s, p.V, start);
        var biases = BiasesOfKeys<E, C>(p, s, first);
        M dk = default, dv = default;
        var end = EndOfQueries(p, s, start, block);
        for (var query = FirstQuery(s, start); query < end; query += KeysOfTile)
        {
            var asking = Asking.Of(p, s, query + Lane, first);
            if (query + Lane < s.Queries) asking.Dot = p.Dots[s.QueryRow + query + Lane, s.Head];
            LoadQueries<V>(tile, p, s, p.Q, query);
            Barrier.Wait();
            var score = Products<E, V>(keys.SubView(mine), tile, p.HeadDim);
            var probability = E.Map<ProbabilityOfKey<C>, Asking>(score, biases, asking, 0);
            Barrier.Wait();
            LoadQueries<V>(tile, p, s, p.DContext, query);
            Barrier.Wait();
            var slope = E.Map<SlopeOfKey, Asking>(probability, Products<E, V>(values.SubView(mine), tile, p.HeadDim), asking, 0);
            slope = E.Map<BendOfKey<C>, Asking>(slope, score, asking, 0);
            weights[Group.IdxX] = probability;
            Barrier.Wait();
            dv = Accumulate<M, E, V>(tile, weights.SubView(InBlock * 32), dv);
            Barrier.Wait();
            weights[Group.IdxX] = slope;
            LoadQueries<V>(tile, p, s, p.Q, query);
            Barrier.Wait();
            dk = Accumulate<M, E, V>(tile, weights.SubView(InBlock * 32), dk);
            Barrier.Wait();
        }
        M.Write(p.Dk, s.Row, first, s.Length, s.Head * p.HeadDim, Lane, p.HeadDim, dk);
        M.Write(p.Dv, s.Row, first, s.Length, s.Head * p.HeadDim, Lane, p.HeadDim, dv);
    }

    /// <summary>
    /// Sets dv with the probabilities constant, one block of columns a query head. Bytes: each of k and dv once, q and the gradient of context for every block
    /// of keys. Operations a pair of query and key: 4·headDim.
    /// </summary>
    public static void BackwardValues<M, E, V, C>(AttentionOperands p)
        where M : struct, IRowsOf<M, E, V> where E : unmanaged, IVector<E> where V : unmanaged, IVector<V> where C : struct, ICap
    {
        var keys = SharedMemory.Allocate<Float4>(MostWarps<V>() * E.Count * 8 * V.Count);
        var tile = SharedMemory.Allocate<float>(KeysOfTile * (32 * V.Count + 1));
        var weights = SharedMemory.Allocate<E>(32 * MostWarps<V>());
        var s = Sequence.At(p, Grid.IdxX / p.Tiles, Grid.IdxY);
        int block = Warps * E.Count, start = Grid.IdxX % p.Tiles * block, own = InBlock * E.Count, first = start + own;
        LoadOwnKeys<V>(keys.Cast<float>(), block, p, s, p.K, start);
        var biases = BiasesOfKeys<E, C>(p, s, first);
        M dv = default;
        var end = EndOfQueries(p, s, start, block);
        for (var query = FirstQuery(s, start); query < end; query += KeysOfTile)
        {
            var asking = Asking.Of(p, s, query + Lane, first);
            LoadQueries<V>(tile, p, s, p.Q, query);
            Barrier.Wait();
            weights[Group.IdxX] = E.Map<ProbabilityOfKey<C>, Asking>(Products<E, V>(keys.SubView(own * 8 * V.Count), tile, p.HeadDim), biases, asking, 0);
            Barrier.Wait();
            LoadQueries<V>(tile, p, s, p.DContext, query);
            Barrier.Wait();
            dv = Accumulate<M, E, V>(tile, weights.SubView(InBlock * 32), dv);
            Barrier.Wait();
        }
        M.Write(p.Dv, s.Row, first, s.Length, s.Head * p.HeadDim, Lane, p.HeadDim, dv);
    }

    public static partial class Of<C>
    {
        public static OfWidths Queries { get; } = new("AttentionBackwardQueries" + C.Name, 3,
            BackwardQueries<TwoRows<TwoRows<OneRow<Two<One>>, One, Two<One>>, Two<One>, Two<One>>, Two<Two<One>>, Two<One>, C>,
            BackwardQueries<TwoRows<OneRow<Two<Two<One>>>, One, Two<Two<One>>>, Two<One>, Two<Two<One>>, C>,
            BackwardQueries<OneRow<Two<Two<Two<One>>>>, One, Two<Two<Two<One>>>, C>);

        public static OfWidths Keys { get; } = new("AttentionBackwardKeys" + C.Name, 3,
            BackwardKeys<TwoRows<TwoRows<OneRow<Two<One>>, One, Two<One>>, Two<One>, Two<One>>, Two<Two<One>>, Two<One>, C>,
            BackwardKeys<TwoRows<OneRow<Two<Two<One>>>, One, Two<Two<One>>>, Two<One>, Two<Two<One>>, C>,
            BackwardKeys<OneRow<Two<Two<Two<One>>>>, One, Two<Two<Two<One>>>, C>);

        public static OfWidths Values { get; } = new("AttentionBackwardValues" + C.Name, 4,
            BackwardValues<TwoRows<TwoRows<OneRow<Two<One>>, One, Two<One>>, Two<One>, Two<One>>, Two<Two<One>>, Two<One>, C>,
            BackwardValues<TwoRows<OneRow<Two<Two<One>>>, One, Two<Two<One>>>, Two<One>, Two<Two<One>>, C>,
            BackwardValues<OneRow<Two<Two<Two<One>>>>, One, Two<Two<Two<One>>>, C>);
    }
}

public sealed partial class GpuDevice
{
    /// <inheritdoc/>
    public override void AttentionBackward(Ragged layout, AttentionShape shape, Tensor q, Tensor k, Tensor v, Tensor prefixK, Tensor prefixV,
        Tensor context, Tensor normalizers, Tensor dContext, Tensor dq, Tensor dk, Tensor dv)
    {
        var width = shape.Heads * shape.HeadDim;
        if (dq.IsNone)
        {
            // Neither values nor contexts are read: what is as wide stands in for them.
            RequireShape(dv, layout.Rows, width);
            var ofValues = Attention(layout, shape, q, k, k, prefixK, prefixK, dContext, normalizers) with { DContext = View(dContext), Dv = View(dv) };
            LaunchAttention(AttentionKernels.For(shape).Values, layout, shape, LongestSuffix(layout), ofValues);
            return;
        }
        RequireShape(dContext, layout.QueryRows, width);
        RequireShape(dq, layout.QueryRows, width);
        RequireShape(dk, layout.Rows, width);
        RequireShape(dv, layout.Rows, width);
        var dots = Workspace(GpuScratch.OfAttentionBackward(layout, shape) / sizeof(float)) with { Rows = layout.QueryRows, Columns = shape.Heads, Stride = shape.Heads };
        var operands = Attention(layout, shape, q, k, v, prefixK, prefixV, context, normalizers) with
        {
            DContext = View(dContext),
            Dq = View(dq),
            Dk = View(dk),
            Dv = View(dv),
            Dots = View(dots),
        };
        var kernels = AttentionKernels.For(shape);
        LaunchAttention(kernels.Queries, layout, shape, LongestQueries(layout), operands);
        LaunchAttention(kernels.Keys, layout, shape, LongestSuffix(layout), operands);
    }
}
