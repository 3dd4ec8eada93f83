using ILGPU;

namespace Faith.Kernels.Gpu;

internal struct RotaryOperands(Matrix x, Matrix cosines, Matrix sines, Matrix y, ArrayView<int> positions, int headDim, bool interleaved, bool inverse)
{
    public Matrix X = x, Cosines = cosines, Sines = sines, Y = y;
    public ArrayView<int> Positions = positions;
    public int HeadDim = headDim, Interleaved = interleaved ? 1 : 0, Inverse = inverse ? 1 : 0;

    public int Pairs => (HeadDim + 1) >> 1;

    /// <summary>The first column of a pair, turned or not.</summary>
    public int First(int pair) => Interleaved != 0 || pair >= Cosines.Columns ? 2 * pair : pair;

    /// <summary>How far its partner is.</summary>
    public int Distance(int pair) => Interleaved != 0 || pair >= Cosines.Columns ? 1 : Cosines.Columns;
}

/// <summary>
/// Sets y = x with the pairs of every head turned. A thread takes a pair, or two columns that are copied. y may be x.
/// </summary>
internal readonly struct RotaryElement : IElementwise<RotaryOperands, Pair>
{
    public static int Rows(in RotaryOperands p) => p.X.Rows;
    public static int Columns(in RotaryOperands p) => p.X.Columns / p.HeadDim * p.Pairs;

    public static Pair Load(in RotaryOperands p, int row, int column)
    {
        int pair = column % p.Pairs, first = p.First(pair), head = column / p.Pairs * p.HeadDim, partner = first + p.Distance(pair);
        float a = p.X[row, head + first], b = 0f;
        if (partner < p.HeadDim) b = p.X[row, head + partner];
        if (pair >= p.Cosines.Columns) return new(a, b);
        var position = p.Positions[row];
        float cosine = p.Cosines[position, pair], sine = p.Sines[position, pair];
        if (p.Inverse != 0) sine = -sine;
        return new(a * cosine - b * sine, b * cosine + a * sine);
    }

    public static void Store(in RotaryOperands p, int row, int column, Pair value)
    {
        int pair = column % p.Pairs, first = p.First(pair), head = column / p.Pairs * p.HeadDim, partner = first + p.Distance(pair);
        p.Y[row, head + first] = value.First;
        if (partner < p.HeadDim) p.Y[row, head + partner] = value.Second;
    }
}

public sealed partial class GpuDevice
{
    /// <inheritdoc/>
    public override void Rotary(Tensor x, Indices positions, Tensor cosines, Tensor sines, int headDim, bool interleaved, bool inverse, Tensor y)
    {
        RequireShape(y, x.Rows, x.Columns);
        RequireShape(sines, cosines.Rows, cosines.Columns);
        if (x.Columns % headDim != 0 || 2 * cosines.Columns > headDim)
            throw new ArgumentException($"{x.Columns} columns are no heads of width {headDim} with {cosines.Columns} rotated pairs", nameof(headDim));
        Elementwise<RotaryElement, RotaryOperands, Pair>(new(View(x), View(cosines), View(sines), View(y), View(positions), headDim, interleaved, inverse), x.Rows,
            x.Columns / headDim * ((headDim + 1) / 2));
    }
}
