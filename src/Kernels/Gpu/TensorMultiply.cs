using ILGPU;

namespace Faith.Kernels.Gpu;

/// <summary>
/// The products of <see cref="Gemm"/> by tensor cores, with the accuracy of float32. Sets (or, with add, adds to) y = x·W + bias, and applies what follows, as there.
/// Operations: 2·rows·n·k, three times for bfloat16 weights and six times for float32 ones, by tensor cores. Bytes at least: as there.
///
/// A float32 is exactly the sum of three bfloat16, high, mid and low. So is x; W of bfloat16 has one part, and the product of every part with it is exact in float32. Of
/// float32 weights three parts too, and six of the nine products: the others are at most 2^-24 of the product together. (Two parts in TF32 and three products take a tensor
/// core as long, and leave an error of up to 2^-21.)
///
/// How a tensor core adds up is its own affair: PTX promises single precision and says nothing of order and rounding, and GPUs cut off. So its sum is over 16 of k alone, over the
/// small products before the large ones, and the sums of 16 are added by ordinary additions with rounding, from k = 0 up. Every result goes that way, whatever the tile:
/// its bits depend neither on the tile's size nor on the other rows.
///
/// Tiles of S×S results, S 128, 64 or 32, by 2·S threads; a warp has S/2 rows of 32 columns. Steps of 16 of k pass through two buffers in shared memory as in <see cref="Gemm"/>; what is
/// loaded is split into its parts on the way, once for the whole tile.
/// </summary>
internal static class TensorGemm
{
    /// <summary>The kernels of a tile: for fours that are whole or not, of W or Wᵀ.</summary>
    public static class Of<R, F, TNumber, W> where R : struct, IWarpRows<R> where F : struct, IBrainColumn<F, TNumber> where TNumber : struct, INumber<W> where W : unmanaged
    {
        private static readonly GpuKernel<GemmOperands<W>>[] Kernels =
        [
            New(Multiply<Edge, AcrossK, R, F, TNumber, W>, "edge"),
            New(Multiply<Edge, AlongK, R, F, TNumber, W>, "edge.transposed"),
            New(Multiply<Whole, AcrossK, R, F, TNumber, W>, "whole"),
            New(Multiply<Whole, AlongK, R, F, TNumber, W>, "whole.transposed"),
        ];

        // The large tile in three parts takes more than the 128 registers that two blocks leave a thread.
        private static int? Blocks() => R.Count < 4 ? null : F.Parts == 1 ? 2 : 1;

        public static GpuKernel<GemmOperands<W>> Kernel(bool whole, bool transposed) => Kernels[(whole ? 2 : 0) + (transposed ? 1 : 0)];

        public static IEnumerable<GpuKernel> All => Kernels;

        private static GpuKernel<GemmOperands<W>> New(Action<GemmOperands<W>> method, string which) =>
            new($"MultiplyTensor.{typeof(TNumber).Name}.{Size<R>()}.{which}", method, 2 * Size<R>(), Blocks(), cudaOnly: true);
    }

    /// <summary>The kernels for weights of a kind.</summary>
    public static IEnumerable<GpuKernel> All<F, TNumber, W>() where F : struct, IBrainColumn<F, TNumber> where TNumber : struct, INumber<W> where W : unmanaged =>
    [
        .. Of<TwiceRows<TwiceRows<SixteenRows>>, F, TNumber, W>.All,
        .. Of<TwiceRows<SixteenRows>, F, TNumber, W>.All,
        .. Of<SixteenRows, F, TNumber, W>.All,
    ];

    /// <summary>Rows, and columns, of a tile.</summary>
    public static int Size<R>() where R : struct, IWarpRows<R> => 2 * BrainTiles.Rows * R.Count;

    // Fours of integers that a step of k of x and of W takes in shared memory.
    private static int SizeX<R>() where R : struct, IWarpRows<R> => Size<R>() / BrainTiles.Rows * BrainTiles.Parts * 32;
    private static int SizeW<R>(int parts) where R : struct, IWarpRows<R> => Size<R>() / BrainTiles.Columns * parts * 2 * 32;

    public static void Multiply<TFetch, TSide, R, F, TNumber, W>(GemmOperands<W> p)
        where TFetch : struct, IFetch where TSide : struct, ISide where R : struct, IWarpRows<R> where F : struct, IBrainColumn<F, TNumber> where TNumber : struct, INumber<W> where W : unmanaged
    {
        var tileX = SharedMemory.Allocate<UInt4>(2 * SizeX<R>());
        var tileW = SharedMemory.Allocate<UInt4>(2 * SizeW<R>(F.Parts));
        var (width, end) = Gemm.Columns(p, Size<R>());
        var output = Gemm.Output(p, width, end);
        int lane = Group.IdxX & 31, warp = Group.IdxX >> 5, warps = Size<R>() / BrainTiles.Columns;
        // A warp's columns, and its half of the rows.
        int column = warp & warps - 1, half = Group.IdxX / Size<R>();
        var sums = Walk<TFetch, TSide, R, F, TNumber, W>(p, output, tileX, tileW, tileX.SubView(half * (SizeX<R>() / 2) + lane),
            tileW.SubView(column * F.Parts * 2 * 32 + BrainTiles.Slot(lane >> 2, lane & 3)));
        R.Write(output, Grid.IdxY * Size<R>() + half * (Size<R>() / 2) + (lane >> 2) * 2, column * BrainTiles.Columns + (lane & 3) * 8, sums);
        Gemm.Follow(p, Size<R>(), width, end);
    }

    private static R Walk<TFetch, TSide, R, F, TNumber, W>(in GemmOperands<W> p, in GemmOutput output, ArrayView<UInt4> tileX, ArrayView<UInt4> tileW, ArrayView<UInt4> readX, ArrayView<UInt4> readW)
        where TFetch : struct, IFetch where TSide : struct, ISide where R : struct, IWarpRows<R> where F : struct, IBrainColumn<F, TNumber> where TNumber : struct, INumber<W> where W : unmanaged
    {
        int t = Group.IdxX, depth = p.X.Columns;
        // Of each step a thread brings two fours of x, along k, half a tile apart, and two of W: likewise, or neighbouring rows. Out of bounds those of the first row or column.
        int row = t >> 2, k4 = t & 3;
        var x0 = new Fours(p.X, Grid.IdxZ * p.BatchX, Grid.IdxY * Size<R>() + row, p.Y.Rows, 4 * k4);
        var x1 = new Fours(p.X, Grid.IdxZ * p.BatchX, Grid.IdxY * Size<R>() + row + Size<R>() / 2, p.Y.Rows, 4 * k4);
        var writeX = tileX.Cast<UInt2>().SubView(((row >> 4) * BrainTiles.Parts * 32 + (row >> 1 & 7) * 4 + k4) * 2 + (row & 1));
        int pair = t / (Size<R>() / 4), four = t % (Size<R>() / 4);
        int firstN = TSide.AlongK ? row : four * 4, secondN = TSide.AlongK ? row + Size<R>() / 2 : firstN;
        int firstK = TSide.AlongK ? 4 * k4 : 2 * pair, secondK = TSide.AlongK ? firstK : firstK + 1;
        var w0 = FromWeights<TSide, W>(p, output, firstN, firstK);
        var w1 = FromWeights<TSide, W>(p, output, secondN, secondK);
        int leftN0 = output.Left(firstN), leftN1 = output.Left(secondN);
        var stepW = TSide.AlongK ? BrainTiles.K : (long)BrainTiles.K * p.StrideW;
        // Where they go: for fours along k the first pair of each, the second 32 fours behind it; else the four pairs of neighbouring rows.
        int at0 = TSide.AlongK ? WordOf<F, TNumber>(firstN, k4) : WordOf<F, TNumber>(firstN, pair >> 1) + (pair & 1) * 32 * 4, at1 = TSide.AlongK ? WordOf<F, TNumber>(secondN, k4) : at0;

        R sums = default;
        KeepX<R>(writeX, TFetch.Four<Single32, float>(x0.At, x0.Left), TFetch.Four<Single32, float>(x1.At, x1.Left));
        KeepW<TSide, F, TNumber>(tileW, at0, at1, TFetch.Four<TNumber, W>(w0, Gemm.Valid<TSide>(leftN0, depth - firstK)), TFetch.Four<TNumber, W>(w1, Gemm.Valid<TSide>(leftN1, depth - secondK)));
        Barrier.Wait();
        var buffer = 0;
        for (var k = BrainTiles.K; k < depth + BrainTiles.K; k += BrainTiles.K)
        {
            // The last step loads its fours again and keeps them where nobody reads them: cheaper than to ask.
            var more = k < depth;
            x0.At = x0.At.SubView(more ? BrainTiles.K : 0);
            x1.At = x1.At.SubView(more ? BrainTiles.K : 0);
            w0 = w0.SubView(more ? stepW : 0);
            w1 = w1.SubView(more ? stepW : 0);
            var nextX0 = TFetch.Four<Single32, float>(x0.At, x0.Left - k);
            var nextX1 = TFetch.Four<Single32, float>(x1.At, x1.Left - k);
            var nextW0 = TFetch.Four<TNumber, W>(w0, Gemm.Valid<TSide>(leftN0, depth - firstK - k));
            var nextW1 = TFetch.Four<TNumber, W>(w1, Gemm.Valid<TSide>(leftN1, depth - secondK - k));
            sums = R.Add<F, TNumber>(readX.SubView(buffer * SizeX<R>()), F.Read(readW.SubView(buffer * SizeW<R>(F.Parts))), sums);
            buffer = 1 - buffer;
            KeepX<R>(writeX.SubView(2 * buffer * SizeX<R>()), nextX0, nextX1);
            KeepW<TSide, F, TNumber>(tileW.SubView(buffer * SizeW<R>(F.Parts)), at0, at1, nextW0, nextW1);
            Barrier.Wait();
        }
        return sums;
    }

    // A thread's fours of x: those of one row, of which some elements are in bounds.
    private struct Fours
    {
        public ArrayView<float> At;
        public int Left;

        public Fours(in Matrix x, long start, int row, int rows, int column)
        {
            At = x.Data.SubView(start + (long)(row < rows ? row : 0) * x.Stride + column);
            Left = row < rows ? x.Columns - column : 0;
        }
    }

    private static ArrayView<W> FromWeights<TSide, W>(in GemmOperands<W> p, in GemmOutput output, int column, int k) where TSide : struct, ISide where W : unmanaged
    {
        var n = output.Column(output.Left(column) > 0 ? column : 0);
        return p.Weights.SubView(Grid.IdxZ * p.BatchWeights + (TSide.AlongK ? (long)n * p.StrideW + k : (long)k * p.StrideW + n));
    }

    // The word of the tile of W in which the first pair of a column's four along k starts.
    private static int WordOf<F, TNumber>(int column, int k) where F : struct, IBrainColumn<F, TNumber> where TNumber : struct =>
        ((column >> 5) * F.Parts * 2 * 32 + BrainTiles.Slot(column >> 2 & 7, k)) * 4 + (column & 3);

    private static void KeepX<R>(ArrayView<UInt2> tile, Float4 first, Float4 second) where R : struct, IWarpRows<R>
    {
        Keep(tile, first);
        // Half the rows of a tile further.
        Keep(tile.SubView(SizeX<R>()), second);
    }

    private static void Keep(ArrayView<UInt2> tile, Float4 four)
    {
        BrainPair low = BrainPair.Of(four.X, four.Y), high = BrainPair.Of(four.Z, four.W);
        tile[0] = new() { X = low.High, Y = high.High };
        tile[64] = new() { X = low.Mid, Y = high.Mid };
        tile[128] = new() { X = low.Low, Y = high.Low };
    }

    private static void KeepW<TSide, F, TNumber>(ArrayView<UInt4> tile, int at0, int at1, Float4 first, Float4 second) where TSide : struct, ISide where F : struct, IBrainColumn<F, TNumber> where TNumber : struct
    {
        if (TSide.AlongK)
        {
            var words = tile.Cast<uint>();
            KeepAlong<F, TNumber>(words.SubView(at0), first);
            KeepAlong<F, TNumber>(words.SubView(at1), second);
            return;
        }
        var to = tile.SubView(at0 >> 2);
        BrainPair x = F.Split(first.X, second.X), y = F.Split(first.Y, second.Y), z = F.Split(first.Z, second.Z), w = F.Split(first.W, second.W);
        to[0] = new(x.High, y.High, z.High, w.High);
        if (F.Parts == 1) return;
        to[64] = new(x.Mid, y.Mid, z.Mid, w.Mid);
        to[128] = new(x.Low, y.Low, z.Low, w.Low);
    }

    private static void KeepAlong<F, TNumber>(ArrayView<uint> tile, Float4 four) where F : struct, IBrainColumn<F, TNumber> where TNumber : struct
    {
        BrainPair first = F.Split(four.X, four.Y), second = F.Split(four.Z, four.W);
        tile[0] = first.High;
        tile[128] = second.High;
        if (F.Parts == 1) return;
        tile[256] = first.Mid;
        tile[384] = second.Mid;
        tile[512] = first.Low;
        tile[640] = second.Low;
    }
}
