using ILGPU;
using ILGPU.Runtime;

namespace Faith.Kernels.Gpu;

/// <summary>A <see cref="Tensor"/> as kernels see it; without elements where an operand is left out.</summary>
internal readonly struct Matrix(ArrayView<float> data, int rows, int columns, int stride)
{
    public readonly ArrayView<float> Data = data;
    public readonly int Rows = rows, Columns = columns, Stride = stride;

    public bool IsNone => Data.Length == 0;

    /// <summary>An element: columns are counted by int, elements in 64 bits.</summary>
    public ref float this[int row, int column] => ref Data[(long)row * Stride + column];

    /// <summary>Row <paramref name="row"/> from column <paramref name="column"/> on.</summary>
    public ArrayView<float> From(int row, int column = 0) => Data.SubView((long)row * Stride + column);

    /// <summary>The view of rows [start, start + count); the host's.</summary>
    public Matrix RowRange(int start, int count) => count == 0 ? this : new(Data.SubView((long)start * Stride, (count - 1L) * Stride + Columns), count, Columns, Stride);
}

/// <summary>Four neighbours of a row: loaded and stored with one instruction of 16 bytes.</summary>
internal struct Float4(float x, float y, float z, float w)
{
    public float X = x, Y = y, Z = z, W = w;

    /// <summary>a·b + c, each rounded once.</summary>
    public static Float4 Fma(float a, Float4 b, Float4 c) => new(Exact.Fma(a, b.X, c.X), Exact.Fma(a, b.Y, c.Y), Exact.Fma(a, b.Z, c.Z), Exact.Fma(a, b.W, c.W));

    public static Float4 operator +(Float4 a, Float4 b) => new(a.X + b.X, a.Y + b.Y, a.Z + b.Z, a.W + b.W);
    public static Float4 operator *(Float4 a, Float4 b) => new(a.X * b.X, a.Y * b.Y, a.Z * b.Z, a.W * b.W);
}

/// <summary>Two unsigned integers of 32 bits.</summary>
internal struct UInt2
{
    public uint X, Y;
}

/// <summary>How numbers are stored.</summary>
internal interface INumber<W> where W : unmanaged
{
    static abstract float One(ArrayView<W> w, long at);

    /// <summary>Two neighbours, aligned to two.</summary>
    static abstract Pair Two(ArrayView<W> w, long at);

    /// <summary>Four neighbours, aligned to four.</summary>
    static abstract Float4 Four(ArrayView<W> w, long at);
}

/// <summary>float32.</summary>
internal readonly struct Single32 : INumber<float>
{
    public static float One(ArrayView<float> w, long at) => w[at];
    public static Pair Two(ArrayView<float> w, long at) => w.SubView(at).AsAligned(8).Cast<Pair>()[0];
    public static Float4 Four(ArrayView<float> w, long at) => w.SubView(at).AsAligned(16).Cast<Float4>()[0];
}

/// <summary>bfloat16: the upper half of a float32, widened exactly.</summary>
internal readonly struct Brain16 : INumber<ushort>
{
    public static float One(ArrayView<ushort> w, long at) => Interop.IntAsFloat((uint)w[at] << 16);
    public static Pair Two(ArrayView<ushort> w, long at)
    {
        var v = w.SubView(at).AsAligned(4).Cast<uint>()[0];
        return new(Interop.IntAsFloat(v << 16), Interop.IntAsFloat(v & 0xffff0000u));
    }

    public static Float4 Four(ArrayView<ushort> w, long at)
    {
        var v = w.SubView(at).AsAligned(8).Cast<UInt2>()[0];
        return new(Interop.IntAsFloat(v.X << 16), Interop.IntAsFloat(v.X & 0xffff0000u), Interop.IntAsFloat(v.Y << 16), Interop.IntAsFloat(v.Y & 0xffff0000u));
    }
}

/// <summary>float16, widened exactly.</summary>
internal readonly struct Half16 : INumber<ushort>
{
    public static float One(ArrayView<ushort> w, long at) => Exact.Widen(w[at]);
    public static Pair Two(ArrayView<ushort> w, long at)
    {
        var v = w.SubView(at).AsAligned(4).Cast<uint>()[0];
        return new(Exact.Widen((ushort)v), Exact.Widen((ushort)(v >> 16)));
    }

    public static Float4 Four(ArrayView<ushort> w, long at)
    {
        var v = w.SubView(at).AsAligned(8).Cast<UInt2>()[0];
        return new(Exact.Widen((ushort)v.X), Exact.Widen((ushort)(v.X >> 16)), Exact.Widen((ushort)v.Y), Exact.Widen((ushort)(v.Y >> 16)));
    }
}

/// <summary>Rows of numbers of a kind.</summary>
internal readonly struct Table<W>(ArrayView<W> data, int stride) where W : unmanaged
{
    private readonly ArrayView<W> data = data;
    private readonly int stride = stride;

    public float At<TNumber>(int row, int column) where TNumber : struct, INumber<W> => TNumber.One(data, (long)row * stride + column);
}
