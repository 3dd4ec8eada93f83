using ILGPU;

namespace Faith.Kernels.Gpu;

// What a warp of a product by tensor cores holds, put together from small structures as in Tiles.cs.

/// <summary>
/// How operands lie in shared memory: in the order in which the lanes of a warp take them, so that a lane loads 16 bytes at a time, registers that an instruction takes side by side.
/// Which k of 16 is the first to the tensor core is free, as long as both operands agree: here lane l holds 4·(l mod 4) to the third after it, four neighbours in memory.
/// Of x, for each 16 rows and each of three parts, lane l's first pairs along k of rows 2·(l/4) and the next, then their second pairs. Of W, for each 32 columns and each part,
/// two tables: lane l's both pairs of columns 4·(l/4) and the next, and of the two after these. So four neighbours in memory belong to one lane here too, and the four
/// tensor-core tiles of eight columns hold every fourth column.
/// </summary>
internal static class BrainTiles
{
    /// <summary>Steps of k: all of a tensor core's instruction.</summary>
    public const int K = 16;

    /// <summary>Rows that an instruction takes, and columns of four of them.</summary>
    public const int Rows = 16, Columns = 32;

    /// <summary>Parts of a float32: 8, 8 and 8 bits.</summary>
    public const int Parts = 3;

    /// <summary>
    /// Where in the first table of 32 fours of W those of lane 4·column + k stand, so that lanes that load or store together find them in different banks of shared memory. In the second
    /// table they stand at this place ^ <see cref="Second"/>.
    /// </summary>
    public static int Slot(int column, int k) => (column >> 1) * 8 + ((column & 1) * 4 + k ^ column >> 1);

    /// <summary>From the place in the first table to that in the second, less the table.</summary>
    public const int Second = 6;

    /// <summary>Two neighbours of x along k, or of W, as float32 again: the first, and the second.</summary>
    public static float FirstOf(uint pair) => Interop.IntAsFloat(pair << 16);
    public static float SecondOf(uint pair) => Interop.IntAsFloat(pair & 0xffff0000u);
}

/// <summary>A pair of numbers in parts, the sum of which is exactly the pair: each is what is left by the ones before, rounded to bfloat16.</summary>
internal struct BrainPair
{
    public uint High, Mid, Low;

    public static BrainPair Of(float first, float second)
    {
        var high = TensorCore.Pair(first, second);
        first -= BrainTiles.FirstOf(high);
        second -= BrainTiles.SecondOf(high);
        var mid = TensorCore.Pair(first, second);
        return new() { High = high, Mid = mid, Low = TensorCore.Pair(first - BrainTiles.FirstOf(mid), second - BrainTiles.SecondOf(mid)) };
    }
}

/// <summary>The three parts of a lane's fours of x.</summary>
internal struct BrainRows
{
    public UInt4 High, Mid, Low;

    public static BrainRows Read(ArrayView<UInt4> tile) => new() { High = tile[0], Mid = tile[32], Low = tile[64] };
}

/// <summary>A lane's part of eight columns of W.</summary>
internal interface IBrainColumn<F, TNumber> where F : struct where TNumber : struct
{
    /// <summary>Parts that a weight has.</summary>
    static abstract int Parts { get; }

    /// <summary>The parts of a pair, of which the later ones are nothing where there are fewer than three.</summary>
    static abstract BrainPair Split(float first, float second);

    /// <summary>Four columns of fragments, from the lane's places in both tables on.</summary>
    static abstract BrainColumns<F> Read(ArrayView<UInt4> first, ArrayView<UInt4> second);

    /// <summary>x·w over 16 of k.</summary>
    static abstract Float4 Times(in BrainRows x, F w);
}

/// <summary>A lane's part of 32 columns of W.</summary>
internal struct BrainColumns<F> where F : struct
{
    public F C0, C1, C2, C3;
}

/// <summary>A part of a weight: both pairs of a four along k.</summary>
internal struct BrainFragment(uint first, uint second)
{
    public uint First = first, Second = second;
}

/// <summary>Weights that are bfloat16.</summary>
internal struct OnePart : IBrainColumn<OnePart, Brain16>
{
    public BrainFragment High;

    public static int Parts => 1;

    // Exactly the upper halves.
    public static BrainPair Split(float first, float second) => new() { High = Interop.FloatAsInt(first) >> 16 | Interop.FloatAsInt(second) & 0xffff0000u };

    public static BrainColumns<OnePart> Read(ArrayView<UInt4> first, ArrayView<UInt4> second)
    {
        UInt4 a = first[0], b = second[0];
        return new() { C0 = new() { High = new(a.X, a.Y) }, C1 = new() { High = new(a.Z, a.W) }, C2 = new() { High = new(b.X, b.Y) }, C3 = new() { High = new(b.Z, b.W) } };
    }

    public static Float4 Times(in BrainRows x, OnePart w) => Add(x.High, w.High, Add(x.Mid, w.High, Add(x.Low, w.High, default)));

    /// <summary>c + x·w of one part each.</summary>
    public static Float4 Add(UInt4 x, BrainFragment w, Float4 c) => TensorCore.MultiplyAdd(x, w.First, w.Second, c);
}

/// <summary>Weights that are float32, or float16, whose last part is nothing.</summary>
internal struct ThreeParts : IBrainColumn<ThreeParts, Single32>, IBrainColumn<ThreeParts, Half16>
{
    public BrainFragment High, Mid, Low;

    public static int Parts => 3;

    public static BrainPair Split(float first, float second) => BrainPair.Of(first, second);

    public static BrainColumns<ThreeParts> Read(ArrayView<UInt4> first, ArrayView<UInt4> second)
    {
        UInt4 a0 = first[0], a1 = first[64], a2 = first[128], b0 = second[0], b1 = second[64], b2 = second[128];
        return new()
        {
            C0 = new() { High = new(a0.X, a0.Y), Mid = new(a1.X, a1.Y), Low = new(a2.X, a2.Y) },
            C1 = new() { High = new(a0.Z, a0.W), Mid = new(a1.Z, a1.W), Low = new(a2.Z, a2.W) },
            C2 = new() { High = new(b0.X, b0.Y), Mid = new(b1.X, b1.Y), Low = new(b2.X, b2.Y) },
            C3 = new() { High = new(b0.Z, b0.W), Mid = new(b1.Z, b1.W), Low = new(b2.Z, b2.W) },
        };
    }

    // Smallest first. What is left out, mid·low, low·mid and low·low, is at most 2^-24 of the product.
    public static Float4 Times(in BrainRows x, ThreeParts w)
    {
        var sum = OnePart.Add(x.Mid, w.Mid, OnePart.Add(x.High, w.Low, OnePart.Add(x.Low, w.High, default)));
        return OnePart.Add(x.High, w.High, OnePart.Add(x.High, w.Mid, OnePart.Add(x.Mid, w.High, sum)));
    }
}

/// <summary>The results of a warp: some rows of 32 columns.</summary>
internal interface IWarpRows<R> where R : struct
{
    /// <summary>Groups of 16 rows.</summary>
    static abstract int Count { get; }

    /// <summary>Adds the products over 16 of k of rows of x, from the lane's slot on, and columns of W.</summary>
    static abstract R Add<F, TNumber>(ArrayView<UInt4> x, in BrainColumns<F> w, R sums) where F : struct, IBrainColumn<F, TNumber> where TNumber : struct;

    /// <summary>Writes them from the lane's row and column on.</summary>
    static abstract void Write(in GemmOutput to, int m, int column, R sums);
}

/// <summary>16 rows: a lane has two, of eight neighbouring columns each.</summary>
internal struct SixteenRows : IWarpRows<SixteenRows>
{
    public Float4 C0, C1, C2, C3;

    public static int Count => 1;

    // Sums of 16 products are added in float32 with rounding: the tensor core's own sum, which it may cut, starts anew with every step.
    public static SixteenRows Add<F, TNumber>(ArrayView<UInt4> x, in BrainColumns<F> w, SixteenRows sums) where F : struct, IBrainColumn<F, TNumber> where TNumber : struct
    {
        var rows = BrainRows.Read(x);
        return new() { C0 = sums.C0 + F.Times(rows, w.C0), C1 = sums.C1 + F.Times(rows, w.C1), C2 = sums.C2 + F.Times(rows, w.C2), C3 = sums.C3 + F.Times(rows, w.C3) };
    }

    public static void Write(in GemmOutput to, int m, int column, SixteenRows s)
    {
        to.Store(m, column, new(s.C0.X, s.C1.X, s.C2.X, s.C3.X));
        to.Store(m, column + 4, new(s.C0.Y, s.C1.Y, s.C2.Y, s.C3.Y));
        to.Store(m + 1, column, new(s.C0.Z, s.C1.Z, s.C2.Z, s.C3.Z));
        to.Store(m + 1, column + 4, new(s.C0.W, s.C1.W, s.C2.W, s.C3.W));
    }
}

/// <summary>Twice as many rows.</summary>
internal struct TwiceRows<R> : IWarpRows<TwiceRows<R>> where R : struct, IWarpRows<R>
{
    public R L, H;

    public static int Count => 2 * R.Count;

    public static TwiceRows<R> Add<F, TNumber>(ArrayView<UInt4> x, in BrainColumns<F> w, TwiceRows<R> sums) where F : struct, IBrainColumn<F, TNumber> where TNumber : struct =>
        new() { L = R.Add<F, TNumber>(x, w, sums.L), H = R.Add<F, TNumber>(x.SubView(R.Count * BrainTiles.Parts * 32), w, sums.H) };

    public static void Write(in GemmOutput to, int m, int column, TwiceRows<R> s)
    {
        R.Write(to, m, column, s.L);
        R.Write(to, m + R.Count * BrainTiles.Rows, column, s.H);
    }
}
