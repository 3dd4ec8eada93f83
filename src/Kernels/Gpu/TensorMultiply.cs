using ILGPU;

namespace Faith.Kernels.Gpu;

/// <summary>
/// The products of <see cref="Gemm"/> by tensor cores, with the accuracy of float32. Sets (or, with add, adds to) y = x·W + bias, and applies what follows, as there.
/// Operations: 2·rows·n·k, three times for bfloat16 weights and six times for others, by tensor cores. Bytes at least: as there.
///
/// A float32 is exactly the sum of three bfloat16, high, mid and low. So is x; W of bfloat16 has one part, and the product of every part with it is exact in float32. Of
/// float32 weights, and of float16 ones, three parts too, and six of the nine products: the others are at most 2^-24 of the product together. (Two parts in TF32 and three products take a tensor
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
        var sums = Walk<TFetch, TSide, R, F, TNumber, W>(p, output, tileX, tileW, tileX.SubView(half * (SizeX<R>() / 2) + lane), column * F.Parts * 2 * 32 + BrainTiles.Slot(lane >> 2, lane & 3));
        R.Write(output, Grid.IdxY * Size<R>() + half * (Size<R>() / 2) + (lane >> 2) * 2, column * BrainTiles.Columns + (lane & 3) * 8, sums);
        Gemm.Follow(p, Size<R>(), width, end);
    }

    private static R Walk<TFetch, TSide, R, F, TNumber, W>(in GemmOperands<W> p, in GemmOutput output, ArrayView<UInt4> tileX, ArrayView<UInt4> tileW, ArrayView<UInt4> readX, int slot)
        where TFetch : struct, IFetch where TSide : struct, ISide where R : struct, IWarpRows<R> where F : struct, IBrainColumn<F, TNumber> where TNumber : struct, INumber<W> where W : unmanaged
    {
        int t = Group.IdxX, depth = p.X.Columns;
        ArrayView<UInt4> readFirst = tileW.SubView(slot), readSecond = tileW.SubView(32 + (slot ^ BrainTiles.Second));
        // Of each step a thread brings a lane's fours of two rows of x, along k, and of W two fours along k of columns half a tile apart, or two neighbours of four rows. Out of bounds
        // those of the first row or column.
        int row = t >> 2, k4 = t & 3;
        var x0 = new Fours(p.X, Grid.IdxZ * p.BatchX, Grid.IdxY * Size<R>() + 2 * row, p.Y.Rows, 4 * k4);
        var x1 = new Fours(p.X, Grid.IdxZ * p.BatchX, Grid.IdxY * Size<R>() + 2 * row + 1, p.Y.Rows, 4 * k4);
        var writeX = tileX.SubView((row >> 3) * BrainTiles.Parts * 32 + (t & 31));
        int k = TSide.AlongK ? k4 : t / (Size<R>() / 2), firstN = TSide.AlongK ? row : t % (Size<R>() / 2) * 2, secondN = TSide.AlongK ? row + Size<R>() / 2 : firstN;
        var w = new FromWeights<W>(AtWeights<TSide, W>(p, output, firstN, 4 * k), AtWeights<TSide, W>(p, output, secondN, 4 * k), p.StrideW, output.Left(firstN), output.Left(secondN));
        var stepW = TSide.AlongK ? BrainTiles.K : (long)BrainTiles.K * p.StrideW;
        int at0 = PlaceOf<F, TNumber>(firstN, k), at1 = PlaceOf<F, TNumber>(secondN, k), leftK = depth - 4 * k;

        R sums = default;
        KeepX(writeX, TFetch.Four<Single32, float>(x0.At, x0.Left), TFetch.Four<Single32, float>(x1.At, x1.Left));
        KeepW<TSide, F, TNumber>(tileW, at0, at1, Fetch<TFetch, TSide, TNumber, W>(w, leftK));
        Barrier.Wait();
        var buffer = 0;
        for (var done = BrainTiles.K; done < depth + BrainTiles.K; done += BrainTiles.K)
        {
            // The last step loads its fours again and keeps them where nobody reads them: cheaper than to ask.
            var more = done < depth;
            x0.At = x0.At.SubView(more ? BrainTiles.K : 0);
            x1.At = x1.At.SubView(more ? BrainTiles.K : 0);
            w.First = w.First.SubView(more ? stepW : 0);
            w.Second = w.Second.SubView(more ? stepW : 0);
            var nextX0 = TFetch.Four<Single32, float>(x0.At, x0.Left - done);
            var nextX1 = TFetch.Four<Single32, float>(x1.At, x1.Left - done);
            var nextW = Fetch<TFetch, TSide, TNumber, W>(w, leftK - done);
            sums = R.Add<F, TNumber>(readX.SubView(buffer * SizeX<R>()), F.Read(readFirst.SubView(buffer * SizeW<R>(F.Parts)), readSecond.SubView(buffer * SizeW<R>(F.Parts))), sums);
            buffer = 1 - buffer;
            KeepX(writeX.SubView(buffer * SizeX<R>()), nextX0, nextX1);
            KeepW<TSide, F, TNumber>(tileW.SubView(buffer * SizeW<R>(F.Parts)), at0, at1, nextW);
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

    // Where a thread's part of W comes from, and how many columns there are from there on.
    private struct FromWeights<W>(ArrayView<W> first, ArrayView<W> second, int stride, int left, int leftSecond) where W : unmanaged
    {
        public ArrayView<W> First = first, Second = second;
        public int Stride = stride, Left = left, LeftSecond = leftSecond;
    }

    // Two fours: along k of two columns, or two columns of four rows, one row after the other.
    private struct TwoFours(Float4 first, Float4 second)
    {
        public Float4 First = first, Second = second;
    }

    private static ArrayView<W> AtWeights<TSide, W>(in GemmOperands<W> p, in GemmOutput output, int column, int k) where TSide : struct, ISide where W : unmanaged
    {
        var n = output.Column(output.Left(column) > 0 ? column : 0);
        return p.Weights.SubView(Grid.IdxZ * p.BatchWeights + (TSide.AlongK ? (long)n * p.StrideW + k : (long)k * p.StrideW + n));
    }

    private static TwoFours Fetch<TFetch, TSide, TNumber, W>(in FromWeights<W> w, int leftK) where TFetch : struct, IFetch where TSide : struct, ISide where TNumber : struct, INumber<W> where W : unmanaged
    {
        if (TSide.AlongK) return new(TFetch.Four<TNumber, W>(w.First, Math.Min(leftK, 4 * w.Left)), TFetch.Four<TNumber, W>(w.Second, Math.Min(leftK, 4 * w.LeftSecond)));
        var a = TFetch.Two<TNumber, W>(w.First, leftK > 0 ? w.Left : 0);
        var b = TFetch.Two<TNumber, W>(w.First.SubView(w.Stride), leftK > 1 ? w.Left : 0);
        var c = TFetch.Two<TNumber, W>(w.First.SubView(2L * w.Stride), leftK > 2 ? w.Left : 0);
        var d = TFetch.Two<TNumber, W>(w.First.SubView(3L * w.Stride), leftK > 3 ? w.Left : 0);
        return new(new(a.First, a.Second, b.First, b.Second), new(c.First, c.Second, d.First, d.Second));
    }

    // The pair of words of the tile of W that holds a column's four along k.
    private static int PlaceOf<F, TNumber>(int column, int k) where F : struct, IBrainColumn<F, TNumber> where TNumber : struct
    {
        var slot = BrainTiles.Slot(column >> 2 & 7, k);
        return ((column >> 5) * F.Parts * 2 * 32 + ((column & 2) == 0 ? slot : 32 + (slot ^ BrainTiles.Second))) * 2 + (column & 1);
    }

    private static void KeepX(ArrayView<UInt4> tile, Float4 first, Float4 second)
    {
        BrainPair a = BrainPair.Of(first.X, first.Y), b = BrainPair.Of(second.X, second.Y), c = BrainPair.Of(first.Z, first.W), d = BrainPair.Of(second.Z, second.W);
        tile[0] = new(a.High, b.High, c.High, d.High);
        tile[32] = new(a.Mid, b.Mid, c.Mid, d.Mid);
        tile[64] = new(a.Low, b.Low, c.Low, d.Low);
    }

    private static void KeepW<TSide, F, TNumber>(ArrayView<UInt4> tile, int at0, int at1, in TwoFours w) where TSide : struct, ISide where F : struct, IBrainColumn<F, TNumber> where TNumber : struct
    {
        if (TSide.AlongK)
        {
            var pairs = tile.Cast<UInt2>();
            KeepFour<F, TNumber>(pairs.SubView(at0), w.First);
            KeepFour<F, TNumber>(pairs.SubView(at1), w.Second);
            return;
        }
        var to = tile.SubView(at0 >> 1);
        // Both pairs of the first column, and of the second.
        BrainPair a = F.Split(w.First.X, w.First.Z), b = F.Split(w.Second.X, w.Second.Z), c = F.Split(w.First.Y, w.First.W), d = F.Split(w.Second.Y, w.Second.W);
        to[0] = new(a.High, b.High, c.High, d.High);
        if (F.Parts == 1) return;
        to[64] = new(a.Mid, b.Mid, c.Mid, d.Mid);
        to[128] = new(a.Low, b.Low, c.Low, d.Low);
    }

    private static void KeepFour<F, TNumber>(ArrayView<UInt2> tile, Float4 four) where F : struct, IBrainColumn<F, TNumber> where TNumber : struct
    {
        BrainPair first = F.Split(four.X, four.Y), second = F.Split(four.Z, four.W);
        tile[0] = new() { X = first.High, Y = second.High };
        if (F.Parts == 1) return;
        tile[128] = new() { X = first.Mid, Y = second.Mid };
        tile[256] = new() { X = first.Low, Y = second.Low };
    }
}
