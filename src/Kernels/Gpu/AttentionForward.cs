using ILGPU;
using ILGPU.Runtime;

namespace Faith.Kernels.Gpu;

// Attention, and what its gradients need to form the probabilities again.
internal static partial class AttentionKernels
{
    /// <summary>What the queries of a warp see: those from First on, of which there are Queries; First's last key of Window is Visible − 1, and the lane's key is Key.</summary>
    private struct Seen
    {
        public int First, Queries, Visible, Window, Key;
        public float Scale, Cap, Bias;

        // One comparison for both ends of the window: a key past the query's own is a very large unsigned number before it.
        public readonly bool Sees(int query) => First + query < Queries && (uint)(Visible + query - 1 - Key) < (uint)Window;
    }

    private readonly struct Score<C> : IMap<Seen> where C : struct, ICap
    {
        public static float Of(float dot, float unused, in Seen p, int query) => p.Sees(query) ? C.Of(dot * p.Scale, p.Cap, p.Bias) : -1e30f;
    }

    private readonly struct Larger : IMap<Seen>
    {
        public static float Of(float a, float b, in Seen p, int query) => Math.Max(a, b);
    }

    private readonly struct Weight : IMap<Seen>
    {
        public static float Of(float score, float largest, in Seen p, int query) => p.Sees(query) ? Functions.Exp(score - largest) : 0f;
    }

    private readonly struct Shrink : IMap<Seen>
    {
        public static float Of(float before, float largest, in Seen p, int query) => Functions.Exp(before - largest);
    }

    private readonly struct Times : IMap<Seen>
    {
        public static float Of(float a, float b, in Seen p, int query) => a * b;
    }

    private readonly struct Plus : IMap<Seen>
    {
        public static float Of(float a, float b, in Seen p, int query) => a + b;
    }

    private readonly struct Inverse : IMap<Seen>
    {
        public static float Of(float sum, float unused, in Seen p, int query) => 1f / sum;
    }

    /// <summary>The first of all scores.</summary>
    private readonly struct Lowest : IMap<Seen>
    {
        public static float Of(float a, float b, in Seen p, int query) => -1e30f;
    }

    /// <summary>Writes the normalizers of a query: lane 0 the largest score, lane 1 the inverse of the sum.</summary>
    private readonly struct Keep : IMap<Kept>
    {
        public static float Of(float largest, float inverse, in Kept p, int query)
        {
            if (p.First + query < p.Queries && Lane < 2) p.Normalizers[p.Row + p.First + query, 2 * p.Head + Lane] = Lane == 0 ? largest : inverse;
            return 0;
        }
    }

    private struct Kept
    {
        public Matrix Normalizers;
        public int First, Queries, Row, Head;
    }

    /// <summary>
    /// Sets context and normalizers. Bytes: each of q and context once, k and v once for every block of queries. Operations a pair of query and key:
    /// 4·headDim.
    /// </summary>
    public static void Forward<M, E, V, C>(AttentionOperands p)
        where M : struct, IRowsOf<M, E, V> where E : unmanaged, IVector<E> where V : unmanaged, IVector<V> where C : struct, ICap
    {
        var queries = SharedMemory.Allocate<Float4>(MostWarps<V>() * E.Count * 8 * V.Count);
        var tile = SharedMemory.Allocate<float>(KeysOfTile * (32 * V.Count + 1));
        var weights = SharedMemory.Allocate<E>(32 * MostWarps<V>());
        var slots = SharedMemory.Allocate<float>(32 * MostWarps<V>());
        var s = Sequence.At(p, Grid.IdxX / p.Tiles, Grid.IdxY);
        int block = Warps * E.Count, start = Grid.IdxX % p.Tiles * block, first = start + InBlock * E.Count;
        LoadOwnQueries<V>(queries.Cast<float>(), block, p, s, p.Q, start);
        var mine = queries.SubView(InBlock * E.Count * 8 * V.Count);
        var seen = new Seen { First = first, Queries = s.Queries, Visible = s.Visible(first), Window = p.Window, Scale = p.Scale, Cap = p.Cap };
        E sum = default, largest = E.Map<Lowest, Seen>(default, default, seen, 0);
        M acc = default;
        var end = LastSeen(s, start, block);
        for (var key = FirstSeen(p, s, start); key < end; key += KeysOfTile)
        {
            LoadKeys<V>(tile, p, s, p.PrefixK, p.K, key, end);
            Barrier.Wait();
            seen.Key = key + Lane;
            seen.Bias = Bias<C>(p, s.Head, key + Lane);
            var score = E.Map<Score<C>, Seen>(Products<E, V>(mine, tile, p.HeadDim), default, seen, 0);
            var before = largest;
            largest = E.Map<Larger, Seen>(before, E.OverLanes<Largest>(score, slots), seen, 0);
            var weight = E.Map<Weight, Seen>(score, largest, seen, 0);
            var shrink = E.Map<Shrink, Seen>(before, largest, seen, 0);
            sum = E.Map<Plus, Seen>(E.Map<Times, Seen>(sum, shrink, seen, 0), E.OverLanes<Sum>(weight, slots), seen, 0);
            acc = M.Times(shrink, acc);
            weights[Group.IdxX] = weight;
            Barrier.Wait();
            LoadKeys<V>(tile, p, s, p.PrefixV, p.V, key, end);
            Barrier.Wait();
            acc = Accumulate<M, E, V>(tile, weights.SubView(InBlock * 32), acc);
            Barrier.Wait();
        }
        var inverse = E.Map<Inverse, Seen>(sum, default, seen, 0);
        E.Map<Keep, Kept>(largest, inverse, new() { Normalizers = p.Normalizers, First = first, Queries = s.Queries, Row = s.QueryRow, Head = s.Head }, 0);
        M.Write(p.Context, s.QueryRow, first, s.Queries, s.Head * p.HeadDim, Lane, p.HeadDim, M.Times(inverse, acc));
    }

    public static partial class Of<C>
    {
        public static OfWidths Forwards { get; } = new("AttentionForward" + C.Name, 4,
            Forward<TwoRows<TwoRows<OneRow<Two<One>>, One, Two<One>>, Two<One>, Two<One>>, Two<Two<One>>, Two<One>, C>,
            Forward<TwoRows<OneRow<Two<Two<One>>>, One, Two<Two<One>>>, Two<One>, Two<Two<One>>, C>,
            Forward<OneRow<Two<Two<Two<One>>>>, One, Two<Two<Two<One>>>, C>);
    }
}

public sealed partial class GpuDevice
{
    /// <inheritdoc/>
    public override void AttentionForward(Ragged layout, AttentionShape shape, Tensor q, Tensor k, Tensor v, Tensor prefixK, Tensor prefixV, Tensor context, Tensor normalizers) =>
        LaunchAttention(AttentionKernels.For(shape).Forwards, layout, shape, LongestQueries(layout), Attention(layout, shape, q, k, v, prefixK, prefixV, context, normalizers));
}
