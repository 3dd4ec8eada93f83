using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Faith.Kernels.Host;

/// <summary>Operands of <see cref="Device.AttentionForward"/> and of its gradients.</summary>
internal readonly record struct AttentionOperands(Ragged Layout, AttentionShape Shape, RawTensor Q, RawTensor K, RawTensor V, RawTensor PrefixK, RawTensor PrefixV,
    RawTensor Context, RawTensor Normalizers, RawTensor DContext, RawTensor Dq, RawTensor Dk, RawTensor Dv)
{
    /// <summary>What is added to products q·k.</summary>
    public RawTensor Bias { get; } = Shape.Bias;
}

public sealed unsafe partial class HostDevice
{
    /// <summary>Query heads [head, head + heads) of a sequence, which read the same keys and values.</summary>
    delegate void HeadWork(RowKernels kernels, in AttentionOperands o, int sequence, int head, int heads, float* scratch);

    /// <summary>Every head of every sequence, with scratch for a forward or a backward pass.</summary>
    void ForHeads(in AttentionOperands operands, bool backward, HeadWork work)
    {
        var (layout, shape) = (operands.Layout, operands.Shape);
        RequireRows(operands.Q.Rows, layout.QueryRows);
        RequireRows(operands.K.Rows, layout.Rows);
        if (!operands.Bias.IsNone)
        {
            if (shape.Cap != 0) throw new NotSupportedException("biases beside a cap");
            RequireRows(operands.Bias.Rows, shape.Heads);
            ArgumentOutOfRangeException.ThrowIfLessThan(operands.Bias.Columns, layout.LongestSequence);
        }
        // Query heads that read the same keys are one unit of work, so that the keys are laid out once, if there are enough such units for the threads.
        var (shared, larger) = (Math.Min(shape.SuffixGroup, shape.PrefixGroup), Math.Max(shape.SuffixGroup, shape.PrefixGroup));
        if (!layout.HasPrefixes) shared = shape.SuffixGroup;
        else if (larger % shared != 0) shared = 1;
        while (shared > 1 && layout.Sequences * (shape.Heads / shared) < UnitsOfThread * pool.Threads) shared = shared % 2 == 0 ? shared / 2 : 1;
        pool.For(layout.Sequences * shape.Heads / shared, Math.Max(1, Grain(layout, shape) / shared), (Device: this, O: operands, shared, backward, work),
            static (in (HostDevice Device, AttentionOperands O, int Shared, bool Backward, HeadWork Work) job, int from, int to, int thread) =>
            {
                ref readonly var o = ref job.O;
                var memory = job.Device.scratch.Reserve(thread, job.Device.kernels.AttentionScratch(o.Shape.HeadDim, o.Layout.LongestSequence, job.Backward));
                var units = o.Shape.Heads / job.Shared;
                for (var unit = from; unit < to; unit++) job.Work(job.Device.kernels, o, unit / units, unit % units * job.Shared, job.Shared, memory);
            });
    }

    /// <summary>Units of work for each thread, from which on the threads end about together.</summary>
    const int UnitsOfThread = 4;

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

    /// <summary>Keys whose rows stay in the first-level cache while the queries of a block pass by.</summary>
    const int KeyBlock = 64;

    /// <summary>Rows of a tile of those products in which a query's row is not read beyond what it sees.</summary>
    const int Step = 4;

    /// <summary>Most keys of sequences whose next head is asked for ahead.</summary>
    const int ShortSequence = 128;

    /// <summary>
    /// One head of one sequence. Its keys are the prefix, then the suffix. All that is read more than once is copied to where it stands
    /// close together: rows of a matrix of all heads lie so far apart that many share the same few lines of a cache. Scores exist for a block of queries only.
    /// </summary>
    readonly struct HeadOfSequence
    {
        public readonly int HeadDim, Prefix, Rows, FirstRow, Queries, FirstQuery, Keys;
        /// <summary>Floats from one row to the next of scores, and of other matrices.</summary>
        public readonly int Pitch, Width;
        readonly int head, column, suffixColumn, prefixColumn, prefixStart, window;
        readonly float* bias;

        [MethodImpl(Hot)]
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
            (Pitch, Width) = (ScorePitch(Keys), RowWidth(HeadDim));
            window = o.Shape.Window;
            this.head = head;
            column = head * HeadDim;
            suffixColumn = head / o.Shape.SuffixGroup * HeadDim;
            prefixColumn = head / o.Shape.PrefixGroup * HeadDim;
            bias = o.Bias.IsNone ? null : o.Bias.Row(head);
        }

        /// <summary>What is added to the products with keys from one on, or null.</summary>
        public float* Bias(int key) => bias == null ? null : bias + key;

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

        /// <summary>The first query that sees a key.</summary>
        public int FirstSeeing(int key) => Math.Max(key - (Keys - Queries), 0);

        /// <summary>Columns of the panel of keys that begins with one: two registers, or one of 16 lanes where that is enough.</summary>
        public int PanelWidth(int key) => V.Count == 16 && Keys - key <= V.Count ? V.Count : 2 * V.Count;
    }

    /// <summary>The panel that a key is in: its first key.</summary>
    static int PanelOf(int key) => key / (2 * V.Count) * (2 * V.Count);

    /// <summary>Whole registers may be read and written from any key on, and rows do not share the same few lines of the cache.</summary>
    static int ScorePitch(int keys) => (keys + 15 & ~15) + 16;

    /// <summary>Whole registers, or pairs of those of fewer than 16 lanes.</summary>
    static int RowWidth(int headDim) => headDim + 15 & ~15;

    /// <summary>
    /// A thread's memory for a head. Keys and values turned: in panels of two registers, [panel][headDim][keys]; all else row by row. A forward pass takes what
    /// comes before <see cref="TurnedValues"/>.
    /// </summary>
    readonly struct AttentionMemory(float* memory, int headDim, int keys)
    {
        long Turned => (long)headDim * (keys + 15 & ~15);
        long Rows => (long)RowWidth(headDim) * keys;
        long Block => (long)QueryBlock * RowWidth(headDim);
        long Scores => (long)QueryBlock * ScorePitch(keys);

        public float* TurnedKeys => memory;
        /// <summary>Values, in a backward pass keys.</summary>
        public float* RowsOfKeys => TurnedKeys + Turned;
        /// <summary>Queries of the block.</summary>
        public float* Queries => RowsOfKeys + Rows;
        /// <summary>What becomes a row of the context or of dq.</summary>
        public float* Sums => Queries + Block;
        public float* Probabilities => Sums + Block;
        public float* TurnedValues => Probabilities + Scores;
        /// <summary>Gradient of the block's contexts.</summary>
        public float* Gradients => TurnedValues + Turned;
        public float* Slopes => Gradients + Block;
        /// <summary>Slopes of a cap, of one query.</summary>
        public float* Bends => Slopes + Scores;
        public float* KeyGradients => Bends + ScorePitch(keys);
        public float* ValueGradients => KeyGradients + Rows;

        /// <summary>Floats in all.</summary>
        public long Floats(bool backward) => (backward ? ValueGradients + Rows : TurnedValues) - memory;
    }

    public override long AttentionScratch(int headDim, int keys, bool backward) => new AttentionMemory(null, headDim, keys).Floats(backward);

    /// <summary>Adds biases to products q·k, or caps them, where there is either, and returns the factor by which what it leaves are scores.</summary>
    [MethodImpl(Hot)]
    static float Finish(float* products, int n, float* bias, in AttentionShape shape)
    {
        if (bias != null) Map(new AddMap(), products, bias, products, n);
        if (shape.Cap == 0) return shape.Scale;
        Map(new CapMap(shape.Scale, shape.Cap), products, products, products, n);
        return 1;
    }

    /// <summary>Lays out keys or values in panels, from the first one on that any query sees.</summary>
    [MethodImpl(Hot)]
    static void Turn(in HeadOfSequence s, RawTensor suffix, RawTensor prefix, float* turned)
    {
        for (var key = PanelOf(s.FirstSeen(0)); key < s.Keys; key += 2 * V.Count)
        {
            int width = s.PanelWidth(key), count = Math.Min(width, s.Keys - key), ofPrefix = Math.Clamp(s.Prefix - key, 0, count);
            var panel = turned + (long)key * s.HeadDim;
            if (ofPrefix > 0) MatrixKernels.PackTile(s.PrefixRow(prefix, key), prefix.Stride, ofPrefix, s.HeadDim, panel, width);
            if (ofPrefix < count) MatrixKernels.PackTile(s.SuffixRow(suffix, key + ofPrefix - s.Prefix), suffix.Stride, count - ofPrefix, s.HeadDim, panel + ofPrefix, width);
        }
    }

    /// <summary>
    /// Asks for the rows of the next head, which stand right of this one's where the next unit of work has other keys. A row of all heads is longer than what the machine reads ahead by itself, and short
    /// sequences take less time than the memory.
    /// </summary>
    [MethodImpl(Hot)]
    static void Prefetch(in HeadOfSequence s, float* row, nint stride, int rows)
    {
        if (!Sse.IsSupported || s.Keys > ShortSequence) return;
        for (var r = 0; r < rows; r++, row += stride)
            for (var c = s.HeadDim; c < 2 * s.HeadDim; c += 16) Sse.Prefetch1(row + c);
    }

    /// <summary>y[i][j] = (row i of x)·(row j of what was turned), for the keys from <paramref name="from"/> to <paramref name="to"/> and others of their panels.</summary>
    [MethodImpl(Hot)]
    static void MultiplyTurned(in HeadOfSequence s, float* x, float* turned, float* y, int queries, int from, int to)
    {
        for (var key = PanelOf(from); key < to; key += 2 * V.Count)
        {
            var width = s.PanelWidth(key);
            Product(x, s.Width, 1, turned + (long)key * s.HeadDim, width, y + key, s.Pitch, queries, width, s.HeadDim, false);
        }
    }

    /// <summary>Copies the rows of keys or values, from the first one on that any query sees.</summary>
    [MethodImpl(Hot)]
    static void GatherKeys(in HeadOfSequence s, RawTensor suffix, RawTensor prefix, float* rows)
    {
        int first = s.FirstSeen(0), ofSuffix = Math.Max(first - s.Prefix, 0);
        if (first < s.Prefix) Gather(s.PrefixRow(prefix, first), prefix.Stride, s.Prefix - first, s.HeadDim, rows + (long)first * s.Width, s.Width);
        Gather(s.SuffixRow(suffix, ofSuffix), suffix.Stride, s.Rows - ofSuffix, s.HeadDim, rows + (long)(s.Prefix + ofSuffix) * s.Width, s.Width);
    }

    /// <summary>y = Σ over the keys from <paramref name="from"/> on that a query sees of weight[i][j]·(row j), for a block of queries from <paramref name="first"/> on.</summary>
    [MethodImpl(Hot)]
    static void SumOverKeys(in HeadOfSequence s, float* weights, int first, int queries, int from, float* rows, float* y)
    {
        var to = s.Seen(first + queries - 1);
        for (var start = from; start < to; start += KeyBlock)
        {
            var end = Math.Min(start + KeyBlock, to);
            var step = end <= s.Seen(first) ? queries : Step;
            for (var i = 0; i < queries; i += step)
            {
                int count = Math.Min(step, queries - i), keys = Math.Min(end, s.Seen(first + i + count - 1)) - start;
                if (keys > 0) Product(weights + (long)i * s.Pitch + start, s.Pitch, 1, rows + (long)start * s.Width, s.Width, y + i * s.Width, s.Width, count, s.Width, keys, start > from);
            }
        }
    }

    /// <summary>
    /// Row j of the suffix of a gradient += Σ over the queries of a block from <paramref name="first"/> on of weight[i][j]·(row i of x), for the keys from
    /// <paramref name="from"/> to <paramref name="to"/>. Those that no block before has seen are set instead.
    /// </summary>
    [MethodImpl(Hot)]
    static void SumOverQueries(in HeadOfSequence s, float* weights, int first, int queries, int from, int to, float* x, float* gradient)
    {
        int start = Math.Max(from, s.Prefix), fresh = first == 0 ? start : Math.Max(s.Seen(first - 1), start);
        gradient -= (long)s.Prefix * s.Width;
        if (start < fresh) Product(weights + start, 1, s.Pitch, x, s.Width, gradient + (long)start * s.Width, s.Width, fresh - start, s.Width, queries, true);
        for (var key = fresh; key < to; key += Step)
        {
            var skipped = Math.Max(s.FirstSeeing(key) - first, 0);
            Product(weights + (long)skipped * s.Pitch + key, 1, s.Pitch, x + skipped * s.Width, s.Width, gradient + (long)key * s.Width, s.Width, Math.Min(Step, to - key), s.Width, queries - skipped, false);
        }
    }

    /// <summary>Writes the rows of a gradient, zero where no query sees a key.</summary>
    [MethodImpl(Hot)]
    static void ScatterKeys(in HeadOfSequence s, float* rows, RawTensor gradient)
    {
        var unseen = Math.Max(s.FirstSeen(0) - s.Prefix, 0);
        for (var j = 0; j < unseen; j++) new Span<float>(s.Gradient(gradient, j), s.HeadDim).Clear();
        Scatter(rows + (long)unseen * s.Width, s.Width, null, 0, s.Rows - unseen, s.HeadDim, s.Gradient(gradient, unseen), gradient.Stride);
    }

    /// <summary>
    /// x = 0 from <paramref name="from"/> to <paramref name="begin"/> and from <paramref name="end"/> to <paramref name="to"/>: what other queries of a block
    /// see and this one does not. Past <paramref name="to"/> whole registers are written.
    /// </summary>
    [MethodImpl(Hot)]
    static void ClearOutside(float* x, int from, int begin, int end, int to)
    {
        if (begin > from) new Span<float>(x + from, begin - from).Clear();
        for (; end < to; end += V.Count) V.Of(0).Store(x + end);
    }
}
