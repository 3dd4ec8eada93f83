using ILGPU;

namespace Faith.Kernels.Gpu;

// What a thread of a matrix product holds, put together from small structures so that all of it stays in registers: ILGPU unrolls no loops, and
// what is indexed by a variable lives in memory.

/// <summary>The measures of a tile, constants to the compiler: M×N results a block, in steps of K; a thread brings one four of each operand a step.</summary>
internal interface ITile
{
    static abstract int M { get; }
    static abstract int N { get; }
    static abstract int K { get; }

    /// <summary>Threads along n; as many times 4 columns are a run.</summary>
    static abstract int ThreadsN { get; }

    /// <summary>Threads of a block.</summary>
    static abstract int Threads { get; }

    /// <summary>Blocks that a multiprocessor is to hold at least.</summary>
    static abstract int? Blocks { get; }
}

/// <summary>128×128 results of 256 threads, 8×8 each: where that fills the GPU.</summary>
internal readonly struct LargeTile : ITile
{
    public static int M => 128;
    public static int N => 128;
    public static int K => 8;
    public static int ThreadsN => 16;
    public static int Threads => 256;
    public static int? Blocks => 2;
}

/// <summary>64×64 results of 256 threads, 4×4 each.</summary>
internal readonly struct MediumTile : ITile
{
    public static int M => 64;
    public static int N => 64;
    public static int K => 16;
    public static int ThreadsN => 16;
    public static int Threads => 256;
    public static int? Blocks => 4;
}

/// <summary>32×32 results of 64 threads, 4×4 each: for few rows.</summary>
internal readonly struct SmallTile : ITile
{
    public static int M => 32;
    public static int N => 32;
    public static int K => 8;
    public static int ThreadsN => 8;
    public static int Threads => 64;
    public static int? Blocks => null;
}

/// <summary>Columns of one row: one run of four, or two runs <c>apart</c> fours from each other.</summary>
internal interface IColumns<C> where C : struct
{
    static abstract C Read(ArrayView<Float4> row, int apart);
    static abstract C Fma(float a, C b, C c);
    static abstract void Write(in GemmOutput to, int m, int column, int apart, C value);
}

/// <summary>Four columns.</summary>
internal struct FourColumns : IColumns<FourColumns>
{
    public Float4 V;
    public static FourColumns Read(ArrayView<Float4> row, int apart) => new() { V = row[0] };
    public static FourColumns Fma(float a, FourColumns b, FourColumns c) => new() { V = Float4.Fma(a, b.V, c.V) };
    public static void Write(in GemmOutput to, int m, int column, int apart, FourColumns value) => to.Store(m, column, value.V);
}

/// <summary>Two runs of four columns.</summary>
internal struct EightColumns : IColumns<EightColumns>
{
    public Float4 L, R;
    public static EightColumns Read(ArrayView<Float4> row, int apart) => new() { L = row[0], R = row[apart] };
    public static EightColumns Fma(float a, EightColumns b, EightColumns c) => new() { L = Float4.Fma(a, b.L, c.L), R = Float4.Fma(a, b.R, c.R) };
    public static void Write(in GemmOutput to, int m, int column, int apart, EightColumns value)
    {
        to.Store(m, column, value.L);
        to.Store(m, column + 4 * apart, value.R);
    }
}

/// <summary>Rows of results.</summary>
internal interface IRows<R, C> where R : struct where C : struct
{
    /// <summary>Adds the products of a column of A (fours of rows) and a row of B.</summary>
    static abstract R Add(ArrayView<Float4> a, int apart, C b, R sums);
    static abstract void Write(in GemmOutput to, int m, int column, int apart, R sums);
}

/// <summary>Four rows.</summary>
internal struct FourRows<C> : IRows<FourRows<C>, C> where C : struct, IColumns<C>
{
    public C R0, R1, R2, R3;

    public static FourRows<C> Add(ArrayView<Float4> a, int apart, C b, FourRows<C> s)
    {
        var x = a[0];
        return new() { R0 = C.Fma(x.X, b, s.R0), R1 = C.Fma(x.Y, b, s.R1), R2 = C.Fma(x.Z, b, s.R2), R3 = C.Fma(x.W, b, s.R3) };
    }

    public static void Write(in GemmOutput to, int m, int column, int apart, FourRows<C> s)
    {
        C.Write(to, m, column, apart, s.R0);
        C.Write(to, m + 1, column, apart, s.R1);
        C.Write(to, m + 2, column, apart, s.R2);
        C.Write(to, m + 3, column, apart, s.R3);
    }
}

/// <summary>Two runs of rows.</summary>
internal struct TwoRuns<R, C> : IRows<TwoRuns<R, C>, C> where R : struct, IRows<R, C> where C : struct
{
    public R L, H;

    public static TwoRuns<R, C> Add(ArrayView<Float4> a, int apart, C b, TwoRuns<R, C> s) => new() { L = R.Add(a, apart, b, s.L), H = R.Add(a.SubView(apart), apart, b, s.H) };

    public static void Write(in GemmOutput to, int m, int column, int apart, TwoRuns<R, C> s)
    {
        R.Write(to, m, column, apart, s.L);
        R.Write(to, m + 4 * apart, column, apart, s.H);
    }
}

/// <summary>How twos and fours are loaded: whole ones, unasked, or those elements that there are.</summary>
internal interface IFetch
{
    static abstract bool IsWhole { get; }

    /// <summary>The two at <paramref name="w"/>, of which <paramref name="left"/> elements are in bounds.</summary>
    static abstract Pair Two<TNumber, W>(ArrayView<W> w, int left) where TNumber : struct, INumber<W> where W : unmanaged;

    /// <summary>The four at <paramref name="w"/>, of which <paramref name="left"/> elements are in bounds.</summary>
    static abstract Float4 Four<TNumber, W>(ArrayView<W> w, int left) where TNumber : struct, INumber<W> where W : unmanaged;
}

/// <summary>Fours are aligned and there, or nobody stores what they give; tiles of k are full.</summary>
internal readonly struct Whole : IFetch
{
    public static bool IsWhole => true;
    public static Pair Two<TNumber, W>(ArrayView<W> w, int left) where TNumber : struct, INumber<W> where W : unmanaged => TNumber.Two(w, 0);
    public static Float4 Four<TNumber, W>(ArrayView<W> w, int left) where TNumber : struct, INumber<W> where W : unmanaged => TNumber.Four(w, 0);
}

/// <summary>Elements out of bounds are zero.</summary>
internal readonly struct Edge : IFetch
{
    public static bool IsWhole => false;
    public static Pair Two<TNumber, W>(ArrayView<W> w, int left) where TNumber : struct, INumber<W> where W : unmanaged => new(left > 0 ? TNumber.One(w, 0) : 0, left > 1 ? TNumber.One(w, 1) : 0);
    public static Float4 Four<TNumber, W>(ArrayView<W> w, int left) where TNumber : struct, INumber<W> where W : unmanaged
    {
        Float4 four = default;
        if (left > 0) four.X = TNumber.One(w, 0);
        if (left > 1) four.Y = TNumber.One(w, 1);
        if (left > 2) four.Z = TNumber.One(w, 2);
        if (left > 3) four.W = TNumber.One(w, 3);
        return four;
    }
}

/// <summary>Along what the fours of W lie in memory.</summary>
internal interface ISide
{
    static abstract bool AlongK { get; }
}

/// <summary>x·W: a row in memory is a row of W.</summary>
internal readonly struct AcrossK : ISide
{
    public static bool AlongK => false;
}

/// <summary>x·Wᵀ of the same copy: a row in memory is a column.</summary>
internal readonly struct AlongK : ISide
{
    static bool ISide.AlongK => true;
}
