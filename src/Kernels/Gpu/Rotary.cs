using ILGPU;

namespace Faith.Kernels.Gpu;

internal struct RotaryOperands(Matrix x, Matrix cosines, Matrix sines, Matrix y, ArrayView<int> positions, int headDim, int inverse)
{
    public Matrix X = x, Cosines = cosines, Sines = sines, Y = y;
    public ArrayView<int> Positions = positions;
    public int HeadDim = headDim, Inverse = inverse;

    public int Pairs => (HeadDim + 1) >> 1;
}

/// <summary>
/// Sets y = x with the pairs (i, i + r/2) of every head turned. A thread takes a column of the first half of the rotated part and its partner, or
/// two columns that are copied. y may be x.
/// </summary>
internal readonly struct RotaryElement : IElementwise<RotaryOperands, Pair>
{
    public static int Rows(in RotaryOperands p) => p.X.Rows;
    public static int Columns(in RotaryOperands p) => p.X.Columns / p.HeadDim * p.Pairs;

    public static Pair Load(in RotaryOperands p, int row, int column)
    {
        int half = p.Cosines.Columns, pair = column % p.Pairs, head = column / p.Pairs * p.HeadDim;
        if (pair >= half)
        {
            var c = 2 * half + 2 * (pair - half);
            var second = 0f;
            if (c + 1 < p.HeadDim) second = p.X[row, head + c + 1];
            return new(p.X[row, head + c], second);
        }
        var position = p.Positions[row];
        float cosine = p.Cosines[position, pair], sine = p.Sines[position, pair], a = p.X[row, head + pair], b = p.X[row, head + pair + half];
        if (p.Inverse != 0) sine = -sine;
        return new(a * cosine - b * sine, b * cosine + a * sine);
    }

    public static void Store(in RotaryOperands p, int row, int column, Pair value)
    {
        int half = p.Cosines.Columns, pair = column % p.Pairs, head = column / p.Pairs * p.HeadDim;
        var c = pair < half ? pair : 2 * half + 2 * (pair - half);
        var partner = pair < half ? pair + half : c + 1;
        p.Y[row, head + c] = value.First;
        if (partner < p.HeadDim) p.Y[row, head + partner] = value.Second;
    }
}

public sealed partial class GpuDevice
{
    /// <inheritdoc/>
    public override void Rotary(Tensor x, Indices positions, Tensor cosines, Tensor sines, int headDim, bool inverse, Tensor y)
    {
        RequireShape(y, x.Rows, x.Columns);
        RequireShape(sines, cosines.Rows, cosines.Columns);
        if (x.Columns % headDim != 0 || 2 * cosines.Columns > headDim)
            throw new ArgumentException($"{x.Columns} columns are no heads of width {headDim} with {cosines.Columns} rotated pairs", nameof(headDim));
        Elementwise<RotaryElement, RotaryOperands, Pair>(new(View(x), View(cosines), View(sines), View(y), View(positions), headDim, inverse ? 1 : 0), x.Rows,
            x.Columns / headDim * ((headDim + 1) / 2));
    }
}
