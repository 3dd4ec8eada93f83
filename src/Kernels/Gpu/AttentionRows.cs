using ILGPU;

namespace Faith.Kernels.Gpu;

// What a warp of attention holds in registers, put together from small structures: ILGPU unrolls no loops, and what is indexed by a variable
// lives in memory.

/// <summary>Two, four or eight neighbours of a row 32 apart (a head's columns of one lane), or a number for each query of a warp.</summary>
internal interface IVector<V> where V : unmanaged, IVector<V>
{
    static abstract int Count { get; }

    /// <summary>Elements at, at + apart, at + 2·apart, …</summary>
    static abstract V Load(ArrayView<float> x, int at, int apart);

    /// <summary>The same where the element's number is below <paramref name="limit"/>, otherwise zero.</summary>
    static abstract V LoadBelow(ArrayView<float> x, int at, int apart, int limit);

    static abstract void StoreBelow(ArrayView<float> x, int at, int apart, int limit, V v);

    /// <summary>a·b + c.</summary>
    static abstract V Fma(float a, V b, V c);

    static abstract V Times(float a, V b);

    /// <summary>For each element i: what <typeparamref name="F"/> makes of x, y and first + i.</summary>
    static abstract V Map<F, P>(V x, V y, in P p, int first) where F : struct, IMap<P> where P : struct;

    /// <summary>Each element reduced over the lanes.</summary>
    static abstract V OverLanes<T>(V x, ArrayView<float> slots) where T : struct, IReduction;

    /// <summary>out[i] + rows[i]·t for four columns, rows <paramref name="apart"/> fours from each other.</summary>
    static abstract V Dot(ArrayView<Float4> rows, int apart, Float4 t, V sums);
}

/// <summary>A function of two numbers and the number of a row.</summary>
internal interface IMap<P> where P : struct
{
    static abstract float Of(float x, float y, in P p, int row);
}

/// <summary>One number.</summary>
internal struct One : IVector<One>
{
    public float X;

    public static int Count => 1;
    public static One Load(ArrayView<float> x, int at, int apart) => new() { X = x[at] };
    public static One LoadBelow(ArrayView<float> x, int at, int apart, int limit)
    {
        One one = default;
        if (at < limit) one.X = x[at];
        return one;
    }
    public static void StoreBelow(ArrayView<float> x, int at, int apart, int limit, One v)
    {
        if (at < limit) x[at] = v.X;
    }
    public static One Fma(float a, One b, One c) => new() { X = Exact.Fma(a, b.X, c.X) };
    public static One Times(float a, One b) => new() { X = a * b.X };
    public static One Map<F, P>(One x, One y, in P p, int first) where F : struct, IMap<P> where P : struct => new() { X = F.Of(x.X, y.X, p, first) };
    public static One OverLanes<T>(One x, ArrayView<float> slots) where T : struct, IReduction => new() { X = Reduce.OverLanes<T>(x.X, slots) };
    public static One Dot(ArrayView<Float4> rows, int apart, Float4 t, One sums)
    {
        var r = rows[0];
        return new() { X = Exact.Fma(r.W, t.W, Exact.Fma(r.Z, t.Z, Exact.Fma(r.Y, t.Y, Exact.Fma(r.X, t.X, sums.X)))) };
    }
}

/// <summary>Twice as many.</summary>
internal struct Two<H> : IVector<Two<H>> where H : unmanaged, IVector<H>
{
    public H Low, High;

    public static int Count => 2 * H.Count;
    public static Two<H> Load(ArrayView<float> x, int at, int apart) => new() { Low = H.Load(x, at, apart), High = H.Load(x, at + H.Count * apart, apart) };
    public static Two<H> LoadBelow(ArrayView<float> x, int at, int apart, int limit) =>
        new() { Low = H.LoadBelow(x, at, apart, limit), High = H.LoadBelow(x, at + H.Count * apart, apart, limit) };
    public static void StoreBelow(ArrayView<float> x, int at, int apart, int limit, Two<H> v)
    {
        H.StoreBelow(x, at, apart, limit, v.Low);
        H.StoreBelow(x, at + H.Count * apart, apart, limit, v.High);
    }
    public static Two<H> Fma(float a, Two<H> b, Two<H> c) => new() { Low = H.Fma(a, b.Low, c.Low), High = H.Fma(a, b.High, c.High) };
    public static Two<H> Times(float a, Two<H> b) => new() { Low = H.Times(a, b.Low), High = H.Times(a, b.High) };
    public static Two<H> Map<F, P>(Two<H> x, Two<H> y, in P p, int first) where F : struct, IMap<P> where P : struct =>
        new() { Low = H.Map<F, P>(x.Low, y.Low, p, first), High = H.Map<F, P>(x.High, y.High, p, first + H.Count) };
    public static Two<H> OverLanes<T>(Two<H> x, ArrayView<float> slots) where T : struct, IReduction =>
        new() { Low = H.OverLanes<T>(x.Low, slots), High = H.OverLanes<T>(x.High, slots) };
    public static Two<H> Dot(ArrayView<Float4> rows, int apart, Float4 t, Two<H> sums) =>
        new() { Low = H.Dot(rows, apart, t, sums.Low), High = H.Dot(rows.SubView(H.Count * apart), apart, t, sums.High) };
}

/// <summary>A row of <typeparamref name="V"/> for each number of <typeparamref name="E"/>.</summary>
internal interface IRowsOf<M, E, V> where M : struct where E : unmanaged, IVector<E> where V : unmanaged, IVector<V>
{
    /// <summary>Row i: a_i·b + c_i.</summary>
    static abstract M Fma(E a, V b, M c);

    /// <summary>Row i: a_i·b_i.</summary>
    static abstract M Times(E a, M b);

    /// <summary>Writes the rows below <paramref name="count"/>, from number <paramref name="first"/> on, to y from row <paramref name="row"/> + first on.</summary>
    static abstract void Write(in Matrix y, int row, int first, int count, int column, int lane, int headDim, M rows);
}

/// <summary>One row.</summary>
internal struct OneRow<V> : IRowsOf<OneRow<V>, One, V> where V : unmanaged, IVector<V>
{
    public V Row;

    public static OneRow<V> Fma(One a, V b, OneRow<V> c) => new() { Row = V.Fma(a.X, b, c.Row) };
    public static OneRow<V> Times(One a, OneRow<V> b) => new() { Row = V.Times(a.X, b.Row) };
    public static void Write(in Matrix y, int row, int first, int count, int column, int lane, int headDim, OneRow<V> rows)
    {
        if (first < count) V.StoreBelow(y.From(row + first, column), lane, 32, headDim, rows.Row);
    }
}

/// <summary>Twice as many rows.</summary>
internal struct TwoRows<M, E, V> : IRowsOf<TwoRows<M, E, V>, Two<E>, V> where M : struct, IRowsOf<M, E, V> where E : unmanaged, IVector<E> where V : unmanaged, IVector<V>
{
    public M Low, High;

    public static TwoRows<M, E, V> Fma(Two<E> a, V b, TwoRows<M, E, V> c) => new() { Low = M.Fma(a.Low, b, c.Low), High = M.Fma(a.High, b, c.High) };
    public static TwoRows<M, E, V> Times(Two<E> a, TwoRows<M, E, V> b) => new() { Low = M.Times(a.Low, b.Low), High = M.Times(a.High, b.High) };
    public static void Write(in Matrix y, int row, int first, int count, int column, int lane, int headDim, TwoRows<M, E, V> rows)
    {
        M.Write(y, row, first, count, column, lane, headDim, rows.Low);
        M.Write(y, row, first + E.Count, count, column, lane, headDim, rows.High);
    }
}
