using System.Runtime.CompilerServices;

namespace Faith.Kernels.Host;

/// <summary>Operands of <see cref="Device.AttentionForward"/> and of its gradients.</summary>
internal readonly record struct AttentionOperands(Ragged Layout, AttentionShape Shape, RawTensor Q, RawTensor K, RawTensor V, RawTensor PrefixK, RawTensor PrefixV,
    RawTensor Context, RawTensor Normalizers, RawTensor DContext, RawTensor Dq, RawTensor Dk, RawTensor Dv);

public sealed unsafe partial class HostDevice
{
    delegate void HeadWork(RowKernels kernels, in AttentionOperands o, int sequence, int head, float* scratch);

    /// <summary>Every head of every sequence, with scratch for a forward or a backward pass.</summary>
    void ForHeads(in AttentionOperands operands, bool backward, HeadWork work)
    {
        var (layout, shape) = (operands.Layout, operands.Shape);
        RequireRows(operands.Q.Rows, layout.QueryRows);
        RequireRows(operands.K.Rows, layout.Rows);
        pool.For(layout.Sequences * shape.Heads, Grain(layout, shape), (Device: this, O: operands, backward, work),
            static (in (HostDevice Device, AttentionOperands O, bool Backward, HeadWork Work) job, int from, int to, int thread) =>
            {
                ref readonly var o = ref job.O;
                var memory = job.Device.scratch.Reserve(thread, job.Device.kernels.AttentionScratch(o.Shape.HeadDim, o.Layout.LongestSequence, job.Backward));
                for (var unit = from; unit < to; unit++) job.Work(job.Device.kernels, o, unit / o.Shape.Heads, unit % o.Shape.Heads, memory);
            });
    }

    /// <summary>Heads of a sequence that are worth a chunk of work of their own.</summary>
    static int Grain(Ragged layout, AttentionShape shape)
    {
        var work = (long)layout.QueryRows * layout.LongestSequence * shape.HeadDim / layout.Sequences;
        return (int)Math.Clamp(SmallProduct / Math.Max(work, 1), 1, shape.Heads);
    }
}

internal sealed unsafe partial class RowKernels<V>
{
    /// <summary>Queries whose scores are held at a time.</summary>
    const int QueryBlock = 16;

    /// <summary>
    /// One head of one sequence. Its keys are the prefix, then the suffix; the keys (and for the gradient the values) are laid out
    /// once as [headDim][keys], so that every product below runs along contiguous memory. Scores exist for a block of queries only.
    /// </summary>
    readonly struct HeadOfSequence
    {
        public readonly int HeadDim, Prefix, Rows, FirstRow, Queries, FirstQuery, Keys, Pitch;
        readonly int head, column, suffixColumn, prefixColumn, prefixStart, window;

        public HeadOfSequence(in AttentionOperands o, int sequence, int head)
        {
            HeadDim = o.Shape.HeadDim;
            Prefix = o.Layout.PrefixLengths[sequence];
            prefixStart = o.Layout.PrefixOffsets[sequence];
            FirstRow = o.Layout.Offsets[sequence];
            Rows = o.Layout.Offsets[sequence + 1] - FirstRow;
            FirstQuery = o.Layout.QueryOffsets[sequence];
            Queries = o.Layout.QueryOffsets[sequence + 1] - FirstQuery;
            Keys = Prefix + Rows;
            Pitch = (Keys + 15) & ~15;
            window = o.Shape.Window;
            this.head = head;
            column = head * HeadDim;
            suffixColumn = head / o.Shape.SuffixGroup * HeadDim;
            prefixColumn = head / o.Shape.PrefixGroup * HeadDim;
        }

        /// <summary>Row of a query matrix (q, context and their gradients), at this head.</summary>
        public float* Query(RawTensor x, int query) => x.Row(FirstQuery + query) + column;

        /// <summary>The largest score of a query, and 1/Σ exp(score − largest).</summary>
        public float* Normalizer(RawTensor normalizers, int query) => normalizers.Row(FirstQuery + query) + 2 * head;

        /// <summary>Row of dk or dv, at this head.</summary>
        public float* Gradient(RawTensor x, int row) => x.Row(FirstRow + row) + column;

        /// <summary>A suffix row of k or v.</summary>
        public float* SuffixRow(RawTensor x, int row) => x.Row(FirstRow + row) + suffixColumn;

        /// <summary>A prefix row of k or v.</summary>
        public float* PrefixRow(RawTensor x, int row) => x.Row(prefixStart + row) + prefixColumn;

        /// <summary>The key after the last one that a query sees, its own.</summary>
        public int Seen(int query) => Keys - Queries + query + 1;

        /// <summary>The first key that a query sees.</summary>
        public int FirstSeen(int query) => window > 0 ? Math.Max(Seen(query) - window, 0) : 0;
    }

    public override long AttentionScratch(int headDim, int keys, bool backward)
    {
        var pitch = (keys + 15) & ~15;
        return ((backward ? 2L : 1L) * (headDim + QueryBlock) + (backward ? 1 : 0)) * pitch;
    }

    /// <summary>Caps products q·k where there is a cap, and returns the factor by which what it leaves are scores.</summary>
    static float Cap(float* products, int n, in AttentionShape shape)
    {
        if (shape.Cap == 0) return shape.Scale;
        Map(new CapMap(shape.Scale, shape.Cap), products, products, products, n);
        return 1;
    }

    /// <summary>turned[c][j] = element c of key j, from the first key on that any query sees.</summary>
    static void Transpose(in HeadOfSequence s, RawTensor suffix, RawTensor prefix, float* turned)
    {
        int first = s.FirstSeen(0), ofSuffix = Math.Max(first - s.Prefix, 0);
        if (first < s.Prefix) MatrixKernels.PackTile(s.PrefixRow(prefix, first), prefix.Stride, s.Prefix - first, s.HeadDim, turned + first, s.Pitch);
        MatrixKernels.PackTile(s.SuffixRow(suffix, ofSuffix), suffix.Stride, s.Rows - ofSuffix, s.HeadDim, turned + s.Prefix + ofSuffix, s.Pitch);
    }

    /// <summary>y = Σ over the keys from <paramref name="from"/> to <paramref name="to"/> of weight[i][j]·(row j of k or v).</summary>
    static void SumOverKeys(in HeadOfSequence s, float* weights, int queries, int from, int to, RawTensor suffix, RawTensor prefix, float* y, nint stride)
    {
        int ofPrefix = Math.Min(to, s.Prefix), ofSuffix = Math.Max(from, s.Prefix);
        var both = from < ofPrefix;
        if (both) Product(weights + from, s.Pitch, 1, s.PrefixRow(prefix, from), prefix.Stride, y, stride, queries, s.HeadDim, ofPrefix - from, false);
        Product(weights + ofSuffix, s.Pitch, 1, s.SuffixRow(suffix, ofSuffix - s.Prefix), suffix.Stride, y, stride, queries, s.HeadDim, to - ofSuffix, both);
    }

    /// <summary>
    /// c (= or +=) a·b for the small matrices of attention: a [m × k] with any strides, b [k × n] and c [m × n] with contiguous
    /// rows. Every element is one chain of multiply-adds in ascending k.
    /// </summary>
    static void Product(float* a, nint aRow, nint aColumn, float* b, nint bRow, float* c, nint cRow, int m, int n, int k, bool add)
    {
        for (var j = 0; j < n; j += 2 * V.Count)
        {
            int first = Math.Min(V.Count, n - j), second = Math.Clamp(n - j - V.Count, 0, V.Count);
            var whole = second == V.Count;
            var i = 0;
            for (; i + 4 <= m; i += 4)
            {
                float* ai = a + i * aRow, ci = c + i * cRow + j;
                if (whole) Rows4(new WholePair(), ai, aRow, aColumn, b + j, bRow, ci, cRow, k, add);
                else Rows4(new PartPair(first, second), ai, aRow, aColumn, b + j, bRow, ci, cRow, k, add);
            }
            for (; i < m; i++) Row1(new PartPair(first, second), a + i * aRow, aColumn, b + j, bRow, c + i * cRow + j, k, add);
        }
    }

    /// <summary>Two registers that are loaded and stored together.</summary>
    interface IPair
    {
        void Load(float* from, out V x, out V y);
        void Store(V x, V y, float* to);
    }

    readonly struct WholePair : IPair
    {
        [MethodImpl(Inline)]
        public void Load(float* from, out V x, out V y) => (x, y) = (V.Load(from), V.Load(from + V.Count));

        [MethodImpl(Inline)]
        public void Store(V x, V y, float* to)
        {
            x.Store(to);
            y.Store(to + V.Count);
        }
    }

    /// <summary>The first lanes of each stand in memory; the others are zero and not stored.</summary>
    readonly struct PartPair(int first, int second) : IPair
    {
        [MethodImpl(Inline)]
        public void Load(float* from, out V x, out V y) => (x, y) = (Load(from, first), Load(from + V.Count, second));

        [MethodImpl(Inline)]
        public void Store(V x, V y, float* to)
        {
            Store(x, to, first);
            Store(y, to + V.Count, second);
        }

        [MethodImpl(Inline)]
        static V Load(float* from, int n) => n == V.Count ? V.Load(from) : n == 0 ? V.Of(0) : V.LoadFirst(from, n, 0);

        [MethodImpl(Inline)]
        static void Store(V value, float* to, int n)
        {
            if (n == V.Count) value.Store(to);
            else if (n > 0) value.StoreFirst(to, n);
        }
    }

    [MethodImpl(Hot)]
    static void Rows4<P>(P pair, float* a, nint aRow, nint aColumn, float* b, nint bRow, float* c, nint cRow, int k, bool add) where P : struct, IPair
    {
        V x0 = V.Of(0), y0 = x0, x1 = x0, y1 = x0, x2 = x0, y2 = x0, x3 = x0, y3 = x0;
        if (add)
        {
            pair.Load(c, out x0, out y0);
            pair.Load(c + cRow, out x1, out y1);
            pair.Load(c + 2 * cRow, out x2, out y2);
            pair.Load(c + 3 * cRow, out x3, out y3);
        }
        for (; k > 0; k--)
        {
            pair.Load(b, out var b0, out var b1);
            var f = V.Of(a[0]);
            x0 = V.MultiplyAdd(f, b0, x0);
            y0 = V.MultiplyAdd(f, b1, y0);
            f = V.Of(a[aRow]);
            x1 = V.MultiplyAdd(f, b0, x1);
            y1 = V.MultiplyAdd(f, b1, y1);
            f = V.Of(a[2 * aRow]);
            x2 = V.MultiplyAdd(f, b0, x2);
            y2 = V.MultiplyAdd(f, b1, y2);
            f = V.Of(a[3 * aRow]);
            x3 = V.MultiplyAdd(f, b0, x3);
            y3 = V.MultiplyAdd(f, b1, y3);
            a += aColumn;
            b += bRow;
        }
        pair.Store(x0, y0, c);
        pair.Store(x1, y1, c + cRow);
        pair.Store(x2, y2, c + 2 * cRow);
        pair.Store(x3, y3, c + 3 * cRow);
    }

    [MethodImpl(Hot)]
    static void Row1<P>(P pair, float* a, nint aColumn, float* b, nint bRow, float* c, int k, bool add) where P : struct, IPair
    {
        V x = V.Of(0), y = x;
        if (add) pair.Load(c, out x, out y);
        for (; k > 0; k--)
        {
            var f = V.Of(*a);
            pair.Load(b, out var b0, out var b1);
            x = V.MultiplyAdd(f, b0, x);
            y = V.MultiplyAdd(f, b1, y);
            a += aColumn;
            b += bRow;
        }
        pair.Store(x, y, c);
    }
}
