using ILGPU;
using ILGPU.Runtime;

namespace Faith.Kernels.Gpu;

/// <summary>
/// Matrix products x·W and x·Wᵀ from one row-major copy of W, of weights in float32, bfloat16 or float16, which are widened exactly. Sets (or, with add, adds to) y =
/// x·W + bias for a batch of independent products (block z-index), and applies what follows element by element (one product, not a batch).
/// Operations: 2·rows·n·k. Bytes at least: 4·rows·(k + n) + k·n·(4 or 2); W is read once for every M rows and x once for every N columns,
/// from L2 where they fit.
///
/// Tiles pass k in steps of K through two buffers in shared memory: while one is multiplied, the next is on its way from global memory into
/// registers and then into the other buffer, so there is one barrier a step. Every result is one chain of fused multiply-adds over k from 0
/// up, whatever the tile: its bits depend neither on the tile's size nor on the other rows. The host takes Whole where fours of x and W
/// are aligned and all there or not at all, and tiles of k are full: then nothing is asked in the loop. Else Edge.
/// </summary>
internal static class Gemm
{
    // Fours between the two runs of rows, or of columns, of a thread of the large tile.
    private const int RunsApart = 16;

    /// <summary>The kernels of a tile: for fours that are whole or not, of W or Wᵀ.</summary>
    public static class Of<TTile, R, C, TNumber, W> where TTile : struct, ITile where R : struct, IRows<R, C> where C : struct, IColumns<C> where TNumber : struct, INumber<W> where W : unmanaged
    {
        private static readonly GpuKernel<GemmOperands<W>>[] Kernels =
        [
            New(Multiply<Edge, AcrossK, TTile, R, C, TNumber, W>, "edge"),
            New(Multiply<Edge, AlongK, TTile, R, C, TNumber, W>, "edge.transposed"),
            New(Multiply<Whole, AcrossK, TTile, R, C, TNumber, W>, "whole"),
            New(Multiply<Whole, AlongK, TTile, R, C, TNumber, W>, "whole.transposed"),
        ];

        public static GpuKernel<GemmOperands<W>> Kernel(bool whole, bool transposed) => Kernels[(whole ? 2 : 0) + (transposed ? 1 : 0)];

        public static IEnumerable<GpuKernel> All => Kernels;

        private static GpuKernel<GemmOperands<W>> New(Action<GemmOperands<W>> method, string which) =>
            new($"Multiply.{typeof(TNumber).Name}.{TTile.M}.{which}", method, TTile.Threads, TTile.Blocks);
    }

    /// <summary>The kernels for weights of a kind.</summary>
    public static IEnumerable<GpuKernel> All<TNumber, W>() where TNumber : struct, INumber<W> where W : unmanaged =>
    [
        .. Of<LargeTile, TwoRuns<FourRows<EightColumns>, EightColumns>, EightColumns, TNumber, W>.All,
        .. Of<MediumTile, FourRows<FourColumns>, FourColumns, TNumber, W>.All,
        .. Of<SmallTile, FourRows<FourColumns>, FourColumns, TNumber, W>.All,
    ];

    public static void Multiply<TFetch, TSide, TTile, R, C, TNumber, W>(GemmOperands<W> p)
        where TFetch : struct, IFetch where TSide : struct, ISide where TTile : struct, ITile where R : struct, IRows<R, C> where C : struct, IColumns<C>
        where TNumber : struct, INumber<W> where W : unmanaged
    {
        var tileA = SharedMemory.Allocate<Float4>(2 * TTile.K * (TTile.M / 4 + 1));
        var tileB = SharedMemory.Allocate<Float4>(2 * TTile.K * (TTile.N / 4 + 1));
        var (width, end) = Columns(p, TTile.N);
        var output = Output(p, width, end);
        var sums = Walk<TFetch, TSide, TTile, R, C, TNumber, W>(p, output, tileA, tileB);
        R.Write(output, Grid.IdxY * TTile.M + Row<TTile>() * 4, Column<TTile>() * 4, RunsApart, sums);
        Follow(p, TTile.M, width, end);
    }

    /// <summary>Columns of y that belong to a tile of this many, and where they end: of gated products the gates alone.</summary>
    public static (int Width, int End) Columns<W>(in GemmOperands<W> p, int tile) where W : unmanaged
    {
        var paired = p.Following == (int)Following.Gate;
        return (paired ? tile / 2 : tile, paired ? p.Y.Columns >> 1 : p.Y.Columns);
    }

    /// <summary>Where the block's results go.</summary>
    public static GemmOutput Output<W>(in GemmOperands<W> p, int width, int end) where W : unmanaged =>
        new(p.Y.Data.SubView(Grid.IdxZ * p.BatchY), p.Bias, p.Y.Rows, p.Y.Stride, Grid.IdxX * width, width, end, p.Add, p.AlignedY);

    /// <summary>What follows, over the block's results, which are still in the cache: on the registers, the code would be twice as long.</summary>
    public static void Follow<W>(in GemmOperands<W> p, int rows, int width, int end) where W : unmanaged
    {
        if (p.Following == (int)Following.Nothing) return;
        Barrier.Wait();
        for (var i = Group.IdxX; i < rows * width; i += Group.DimX)
        {
            int m = Grid.IdxY * rows + i / width, n = Grid.IdxX * width + i % width;
            if (m < p.Y.Rows && n < end) FollowOne(p, m, n);
        }
    }

    // A warp has 4×8 threads: lanes n and n ^ 1 share a column, n and n ^ 2 a row, since loads of 16 bytes of which either is true take shared
    // memory two cycles instead of four.
    private static int Row<TTile>() where TTile : struct, ITile => Group.IdxX / (4 * TTile.ThreadsN) * 4 + (Group.IdxX >> 4 & 1) * 2 + (Group.IdxX & 1);
    private static int Column<TTile>() where TTile : struct, ITile => (Group.IdxX >> 5 & TTile.ThreadsN / 8 - 1) * 8 + (Group.IdxX >> 1 & 7);

    private static R Walk<TFetch, TSide, TTile, R, C, TNumber, W>(in GemmOperands<W> p, in GemmOutput output, ArrayView<Float4> tileA, ArrayView<Float4> tileB)
        where TFetch : struct, IFetch where TSide : struct, ISide where TTile : struct, ITile where R : struct, IRows<R, C> where C : struct, IColumns<C>
        where TNumber : struct, INumber<W> where W : unmanaged
    {
        int strideA = TTile.M / 4 + 1, strideB = TTile.N / 4 + 1, t = Group.IdxX, depth = p.X.Columns;
        // Of each tile of k a thread brings a four of x, along k, and a four of W; out of bounds those of the tile's first row or column.
        int rowA = t / (TTile.K / 4), columnA = t % (TTile.K / 4) * 4, m = Grid.IdxY * TTile.M + rowA;
        var hasA = m < p.Y.Rows;
        var fromA = p.X.Data.SubView(Grid.IdxZ * p.BatchX + (long)(hasA ? m : 0) * p.X.Stride + columnA);
        int columnB = TSide.AlongK ? rowA : t % (TTile.N / 4) * 4, rowB = TSide.AlongK ? columnA : t / (TTile.N / 4);
        var leftB = output.Left(columnB);
        var hasB = leftB > 0;
        var n = output.Column(hasB ? columnB : 0);
        var fromB = p.Weights.SubView(Grid.IdxZ * p.BatchWeights + (TSide.AlongK ? (long)n * p.StrideW + rowB : (long)rowB * p.StrideW + n));
        var stepB = TSide.AlongK ? TTile.K : (long)TTile.K * p.StrideW;
        var writeA = tileA.Cast<float>().SubView(columnA * 4 * strideA + rowA);
        // Of W a four goes to four rows of the tile, where it lies along k, or is a four of one.
        var writeB = tileB.Cast<float>().SubView(rowB * 4 * strideB + columnB);
        var writeFourB = tileB.SubView(rowB * strideB + (columnB >> 2));
        var readA = tileA.SubView(Row<TTile>());
        var readB = tileB.SubView(Column<TTile>());

        // Elements of the fours that are in bounds at k = 0; of the last tile, loaded again, none.
        int leftA = hasA ? depth - columnA : 0, leftK = depth - rowB;
        R sums = default;
        Keep(writeA, 4 * strideA, TFetch.Four<Single32, float>(fromA, leftA));
        KeepWeights<TSide>(writeB, writeFourB, 4 * strideB, TFetch.Four<TNumber, W>(fromB, Valid<TSide>(leftB, leftK)));
        Barrier.Wait();
        var buffer = 0;
        for (var k = TTile.K; k < depth + TTile.K; k += TTile.K)
        {
            // The last step loads its tile again and keeps it where nobody reads it: cheaper than to ask.
            var more = k < depth;
            fromA = fromA.SubView(more ? TTile.K : 0);
            fromB = fromB.SubView(more ? stepB : 0);
            var nextA = TFetch.Four<Single32, float>(fromA, leftA - k);
            var nextB = TFetch.Four<TNumber, W>(fromB, Valid<TSide>(leftB, leftK - k));
            var a = readA.SubView(buffer * TTile.K * strideA);
            var b = readB.SubView(buffer * TTile.K * strideB);
            if (TFetch.IsWhole)
            {
                sums = Eight<R, C>(a, b, strideA, strideB, sums);
                if (TTile.K == 16) sums = Eight<R, C>(a.SubView(8 * strideA), b.SubView(8 * strideB), strideA, strideB, sums);
            }
            else
                for (var kk = 0; kk < TTile.K; kk++) sums = R.Add(a.SubView(kk * strideA), RunsApart, C.Read(b.SubView(kk * strideB), RunsApart), sums);
            buffer = 1 - buffer;
            Keep(writeA.SubView(4 * buffer * TTile.K * strideA), 4 * strideA, nextA);
            KeepWeights<TSide>(writeB.SubView(4 * buffer * TTile.K * strideB), writeFourB.SubView(buffer * TTile.K * strideB), 4 * strideB, nextB);
            Barrier.Wait();
        }
        return sums;
    }

    /// <summary>How many of a four of W are in bounds.</summary>
    public static int Valid<TSide>(int left, int leftK) where TSide : struct, ISide => TSide.AlongK ? Math.Min(leftK, 4 * left) : leftK > 0 ? left : 0;

    // Eight steps of k, written out.
    private static R Eight<R, C>(ArrayView<Float4> a, ArrayView<Float4> b, int strideA, int strideB, R sums) where R : struct, IRows<R, C> where C : struct, IColumns<C>
    {
        sums = R.Add(a, RunsApart, C.Read(b, RunsApart), sums);
        sums = R.Add(a.SubView(strideA), RunsApart, C.Read(b.SubView(strideB), RunsApart), sums);
        sums = R.Add(a.SubView(2 * strideA), RunsApart, C.Read(b.SubView(2 * strideB), RunsApart), sums);
        sums = R.Add(a.SubView(3 * strideA), RunsApart, C.Read(b.SubView(3 * strideB), RunsApart), sums);
        sums = R.Add(a.SubView(4 * strideA), RunsApart, C.Read(b.SubView(4 * strideB), RunsApart), sums);
        sums = R.Add(a.SubView(5 * strideA), RunsApart, C.Read(b.SubView(5 * strideB), RunsApart), sums);
        sums = R.Add(a.SubView(6 * strideA), RunsApart, C.Read(b.SubView(6 * strideB), RunsApart), sums);
        return R.Add(a.SubView(7 * strideA), RunsApart, C.Read(b.SubView(7 * strideB), RunsApart), sums);
    }

    // A four along k goes to four rows of the tile.
    private static void Keep(ArrayView<float> tile, int stride, Float4 four)
    {
        tile[0] = four.X;
        tile[stride] = four.Y;
        tile[2 * stride] = four.Z;
        tile[3 * stride] = four.W;
    }

    private static void KeepWeights<TSide>(ArrayView<float> tile, ArrayView<Float4> tileOfFours, int stride, Float4 four) where TSide : struct, ISide
    {
        if (TSide.AlongK) Keep(tile, stride, four);
        else tileOfFours[0] = four;
    }

    // What follows the result in row m and column n (of the gates).
    private static void FollowOne<W>(in GemmOperands<W> p, int m, int n) where W : unmanaged
    {
        var y = p.Y[m, n];
        if (p.Following == (int)Following.Times) p.Y[m, n] = y * p.Operand[m, n];
        else if (p.Following == (int)Following.Gate) p.Operand[m, n] = Activations.Of(p.Function, y, false).First * p.Y[m, (p.Y.Columns >> 1) + n];
        else if (p.Following == (int)Following.GateBackward)
        {
            var g = Activations.GateGradient(p.Function, p.Operand[m, n], p.Operand[m, p.Y.Columns + n], y, p.Ratio != 0);
            p.Operand[m, n] = g.First;
            p.Operand[m, p.Y.Columns + n] = g.Second;
        }
        else
        {
            var g = Activations.Of(p.Function, y, p.Ratio != 0);
            if (!p.Operand.IsNone) p.Operand[m, n] = g.Second;
            p.Y[m, n] = g.First;
        }
    }
}

public sealed partial class GpuDevice
{
    /// <inheritdoc/>
    public override void Multiply(Weights weights, WeightSide side, Tensor x, Tensor y, Tensor bias = default, bool add = false, int k0 = 0, int n0 = 0, Epilogue then = default)
    {
        var w = (GpuWeights)weights;
        var (inputs, outputs) = side == WeightSide.Forward ? (w.Inputs, w.Outputs) : (w.Outputs, w.Inputs);
        if (x.Rows != y.Rows || k0 < 0 || n0 < 0 || k0 + x.Columns > inputs || n0 + y.Columns > outputs)
            throw new ArgumentException($"x {x.Rows} × {x.Columns} and y {y.Rows} × {y.Columns} do not fit rows {k0}… and columns {n0}… of a matrix of {inputs} × {outputs}", nameof(weights));
        if (!bias.IsNone) RequireShape(bias, 1, y.Columns);
        if (!then.Operand.IsNone) RequireShape(then.Operand, y.Rows, then.OperandColumns(y.Columns));
        if (blas is not null && w.Precision == WeightPrecision.Float32)
        {
            MultiplyByLibrary(w, side, x, y, bias, add, k0, n0);
            Follow(y, then);
        }
        else MultiplyBatch(w, side, x, y, batch: 1, batchX: 0, batchY: 0, k0, n0, batchWeights: 0, bias, add, then);
    }

    private static Following Follows(in Epilogue then) => (then.Kind, then.Activation.Gated) switch
    {
        (EpilogueKind.None, _) => Following.Nothing,
        (EpilogueKind.Activate, false) => Following.Activate,
        (EpilogueKind.Activate, true) => Following.Gate,
        (_, false) => Following.Times,
        _ => Following.GateBackward,
    };

    /// <summary>
    /// A batch of products y = x·W + bias, and what follows: x, y and the block of weights move by batchX, batchY and batchWeights elements from one
    /// to the next; the views of x and y are those of the first.
    /// </summary>
    private void MultiplyBatch(GpuWeights w, WeightSide side, Tensor x, Tensor y, int batch, long batchX, long batchY, int k0, int n0, long batchWeights, Tensor bias, bool add, Epilogue then = default)
    {
        if (y.Rows == 0 || y.Columns == 0) return;
        MatrixFlops += 2L * batch * x.Rows * x.Columns * y.Columns;
        var apart = new BatchSteps(batch, batchX, batchWeights, batchY);
        var (offset, transposed) = (w.Offset(side, k0, n0), side == WeightSide.Transposed != w.StoredTransposed);
        if (w.Precision == WeightPrecision.Float32)
        {
            MultiplyBatch<ThreeParts, Single32, float>(new(w.Singles.SubView(offset), offset, w.Stride, transposed), x, y, apart, bias, add, then);
            return;
        }
        var halves = new Factor<ushort>(w.Halves.SubView(offset), offset, w.Stride, transposed);
        if (w.Precision == WeightPrecision.BFloat16) MultiplyBatch<OnePart, Brain16, ushort>(halves, x, y, apart, bias, add, then);
        else MultiplyBatch<ThreeParts, Half16, ushort>(halves, x, y, apart, bias, add, then);
    }

    /// <summary>The second factor of a product, from its first element on, which stands at <paramref name="Offset"/>; of a transposed one a row in memory is a column.</summary>
    private readonly record struct Factor<W>(ArrayView<W> Stored, long Offset, int Stride, bool Transposed) where W : unmanaged;

    /// <summary>Products of a batch, and elements of each operand from one of them to the next; by default there is one product.</summary>
    private readonly record struct BatchSteps(int Count, long X, long Weights, long Y);

    private void MultiplyBatch<F, TNumber, W>(in Factor<W> w, Tensor x, Tensor y, in BatchSteps apart, Tensor bias, bool add, Epilogue then = default)
        where F : struct, IBrainColumn<F, TNumber> where TNumber : struct, INumber<W> where W : unmanaged
    {
        var batch = Math.Max(apart.Count, 1);
        var transposed = w.Transposed;
        // For gated products a block takes half a tile of gates and half a tile of ups, which start where the gates end.
        var inFours = !then.IsGate || y.Columns / 2 % 4 == 0;
        var operands = new GemmOperands<W>
        {
            X = ViewOfBatch(x, batch, apart.X),
            Y = ViewOfBatch(y, batch, apart.Y),
            Operand = View(then.Operand),
            Weights = w.Stored,
            Bias = View(bias).Data,
            BatchX = apart.X,
            BatchWeights = apart.Weights,
            BatchY = apart.Y,
            StrideW = w.Stride,
            Add = add ? 1 : 0,
            AlignedY = InFours(y.Offset, y.Stride, apart.Y) && inFours ? 1 : 0,
            Following = (int)Follows(then),
            Function = (int)then.Activation.Function,
            Ratio = then.Activation.Slope == ActivationSlope.Ratio ? 1 : 0,
        };
        var aligned = InFours(x.Offset, x.Stride, apart.X) && InFours(w.Offset, w.Stride, apart.Weights) && (transposed || y.Columns % 4 == 0 && inFours);
        var (columns, rows) = (then.IsGate ? y.Columns / 2 : y.Columns, y.Rows);
        void Run(GpuKernel<GemmOperands<W>> kernel, int tileRows, int tileColumns) => Launch(kernel, operands, CeilDiv(columns, then.IsGate ? tileColumns / 2 : tileColumns), CeilDiv(rows, tileRows), batch);
        void OfTile<TTile, R, C>() where TTile : struct, ITile where R : struct, IRows<R, C> where C : struct, IColumns<C> =>
            Run(Gemm.Of<TTile, R, C, TNumber, W>.Kernel(aligned && x.Columns % TTile.K == 0, transposed), TTile.M, TTile.N);
        void OfWarps<R>() where R : struct, IWarpRows<R> => Run(TensorGemm.Of<R, F, TNumber, W>.Kernel(aligned && x.Columns % BrainTiles.K == 0, transposed), TensorGemm.Size<R>(), TensorGemm.Size<R>());
        // The largest tile that still gives every multiprocessor a block or two: a large one reads less, but an idle multiprocessor costs more
        // than that.
        long Blocks(int tile) => CeilDiv(rows, tile) * CeilDiv(y.Columns, tile) * batch;
        switch (rows > 64 && Blocks(128) >= 2 * accelerator.NumMultiprocessors ? 128 : rows > 32 && Blocks(64) >= accelerator.NumMultiprocessors ? 64 : 32, Products)
        {
            case (128, Products.Exact): OfTile<LargeTile, TwoRuns<FourRows<EightColumns>, EightColumns>, EightColumns>(); break;
            case (64, Products.Exact): OfTile<MediumTile, FourRows<FourColumns>, FourColumns>(); break;
            case (_, Products.Exact): OfTile<SmallTile, FourRows<FourColumns>, FourColumns>(); break;
            case (128, _): OfWarps<TwiceRows<TwiceRows<SixteenRows>>>(); break;
            case (64, _): OfWarps<TwiceRows<SixteenRows>>(); break;
            default: OfWarps<SixteenRows>(); break;
        }
    }

    // True where groups of four elements start at multiples of four elements in every row of every product; buffers are aligned.
    private static bool InFours(long offset, long stride, long batch) => ((offset | stride | batch) & 3) == 0;
}
