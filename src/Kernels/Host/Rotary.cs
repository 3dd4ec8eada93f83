using System.Runtime.CompilerServices;

namespace Faith.Kernels.Host;

/// <summary>Operands of <see cref="Device.Rotary"/>.</summary>
internal readonly record struct RotaryOperands(RawTensor X, RawIndices Positions, RawTensor Cosines, RawTensor Sines, int HeadDim, bool Interleaved, bool Inverse, RawTensor Y);

public sealed unsafe partial class HostDevice
{
    /// <inheritdoc/>
    public override void Rotary(Tensor x, Indices positions, Tensor cosines, Tensor sines, int headDim, bool interleaved, bool inverse, Tensor y)
    {
        RequireSameShape(x, y);
        RequireRows(positions.Count, x.Rows);
        Rows(x.Rows, x.Columns, new RotaryOperands(x, positions, cosines, sines, headDim, interleaved, inverse, y), static (k, in o, from, to) => k.Rotary(o, from, to));
    }
}

internal sealed unsafe partial class RowKernels<V>
{
    public override void Rotary(in RotaryOperands o, int from, int to)
    {
        int half = o.Cosines.Columns, heads = o.X.Columns / o.HeadDim;
        for (var r = from; r < to; r++)
        {
            var position = o.Positions.First()[r];
            float* cos = o.Cosines.Row(position), sin = o.Sines.Row(position);
            for (var h = 0; h < heads; h++)
            {
                float* x = o.X.Row(r) + h * o.HeadDim, y = o.Y.Row(r) + h * o.HeadDim;
                if (o.Interleaved) TurnNeighbours(x, y, cos, sin, o.Inverse ? -1 : 1, half);
                else Turn(x, y, cos, sin, o.Inverse ? -1 : 1, half);
                var untouched = o.HeadDim - 2 * half;
                if (untouched > 0 && x != y) new Span<float>(x + 2 * half, untouched).CopyTo(new Span<float>(y + 2 * half, untouched));
            }
        }
    }

    [MethodImpl(Hot)]
    static void Turn(float* x, float* y, float* cos, float* sin, float sign, int half)
    {
        var direction = V.Of(sign);
        var i = 0;
        for (; i <= half - V.Count; i += V.Count)
        {
            V a = V.Load(x + i), b = V.Load(x + half + i), c = V.Load(cos + i), s = V.Load(sin + i) * direction;
            (a * c - b * s).Store(y + i);
            (b * c + a * s).Store(y + half + i);
        }
        var n = half - i;
        if (n == 0) return;
        V a1 = V.LoadFirst(x + i, n, 0), b1 = V.LoadFirst(x + half + i, n, 0), c1 = V.LoadFirst(cos + i, n, 0), s1 = V.LoadFirst(sin + i, n, 0) * direction;
        (a1 * c1 - b1 * s1).StoreFirst(y + i, n);
        (b1 * c1 + a1 * s1).StoreFirst(y + half + i, n);
    }

    [MethodImpl(Hot)]
    static void TurnNeighbours(float* x, float* y, float* cos, float* sin, float sign, int half)
    {
        var direction = V.Alternating(-sign, sign);
        var i = 0;
        for (; i <= half - V.Count / 2; i += V.Count / 2)
        {
            var pairs = V.Load(x + 2 * i);
            (pairs * V.LoadTwice(cos + i) + V.SwapNeighbours(pairs) * (V.LoadTwice(sin + i) * direction)).Store(y + 2 * i);
        }
        for (; i < half; i++)
        {
            float a = x[2 * i], b = x[2 * i + 1], s = sin[i] * sign;
            (y[2 * i], y[2 * i + 1]) = (a * cos[i] - b * s, b * cos[i] + a * s);
        }
    }
}
