using System.Runtime.CompilerServices;

namespace Faith.Kernels.Host;

public sealed unsafe partial class HostDevice
{
    /// <inheritdoc/>
    public override void ContractScores(ScoreContraction contraction)
    {
        ArgumentNullException.ThrowIfNull(contraction);
        MatrixFlops += this.contraction.Run(contraction);
    }
}

internal sealed unsafe partial class RowKernels<V>
{
    [MethodImpl(Hot)]
    public override void Centre(RawTensor x)
    {
        var n = x.Columns;
        for (var r = 0; r < x.Rows; r++)
        {
            var row = x.Row(r);
            var mean = V.Of(Sum(row, n) / n);
            var i = 0;
            for (; i <= n - V.Count; i += V.Count) (V.Load(row + i) - mean).Store(row + i);
            if (i < n) (V.LoadFirst(row + i, n - i, 0) - mean).StoreFirst(row + i, n - i);
        }
    }

    public override void Add(float* x, float* y, int n) => Map(new AddMap(), x, y, y, n);

    public override void FinishGradients(VectorSet g, int width, RawTensor scale, RawTensor normalized, RawTensor products, int firstRow, int rows, int stepRows, int steps)
    {
        const int AtATime = 5;
        var x = stackalloc float*[AtATime];
        var s = stackalloc float*[AtATime];
        for (var r = 0; r < rows; r++)
            for (var k = 0; k == 0 || k < steps; k += AtATime)
            {
                var count = Math.Min(AtATime, steps - k);
                for (var j = 0; j < count; j++)
                {
                    var row = firstRow + r + (k + j) * stepRows;
                    x[j] = normalized.Row(row);
                    s[j] = products.Row(row);
                }
                var gamma = k == 0 ? (float*)scale.Pointer : null;
                var i = 0;
                for (; i <= width - 4 * V.Count; i += 4 * V.Count) SubtractSteps4(g, (nint)r * width + i, gamma, x, s, count, i, scale.Columns);
                for (; i < width; i += V.Count) SubtractSteps1(g, (nint)r * width + i, gamma, x, s, count, i, scale.Columns);
            }
    }

    /// <summary>
    /// Four registers of every g_v at <paramref name="offset"/>: g = γ⊙g − Σ x_j·s_j[v] over at most five steps, which stay in registers while the columns pass
    /// by. Past the n columns of the model γ and x count as zero; without γ as one.
    /// </summary>
    [MethodImpl(Hot)]
    static void SubtractSteps4(VectorSet g, nint offset, float* gamma, float** x, float** s, int count, int i, int n)
    {
        int i1 = i + V.Count, i2 = i1 + V.Count, i3 = i2 + V.Count;
        V one = V.Of(1), zero = V.Of(0), f0 = one, f1 = one, f2 = one, f3 = one;
        if (gamma != null) (f0, f1, f2, f3) = (Part(gamma, i, n), Part(gamma, i1, n), Part(gamma, i2, n), Part(gamma, i3, n));
        V a0 = zero, a1 = zero, a2 = zero, a3 = zero, b0 = zero, b1 = zero, b2 = zero, b3 = zero, c0 = zero, c1 = zero, c2 = zero, c3 = zero, d0 = zero, d1 = zero, d2 = zero, d3 = zero;
        V e0 = zero, e1 = zero, e2 = zero, e3 = zero;
        if (count > 0) (a0, a1, a2, a3) = (zero - Part(x[0], i, n), zero - Part(x[0], i1, n), zero - Part(x[0], i2, n), zero - Part(x[0], i3, n));
        if (count > 1) (b0, b1, b2, b3) = (zero - Part(x[1], i, n), zero - Part(x[1], i1, n), zero - Part(x[1], i2, n), zero - Part(x[1], i3, n));
        if (count > 2) (c0, c1, c2, c3) = (zero - Part(x[2], i, n), zero - Part(x[2], i1, n), zero - Part(x[2], i2, n), zero - Part(x[2], i3, n));
        if (count > 3) (d0, d1, d2, d3) = (zero - Part(x[3], i, n), zero - Part(x[3], i1, n), zero - Part(x[3], i2, n), zero - Part(x[3], i3, n));
        if (count > 4) (e0, e1, e2, e3) = (zero - Part(x[4], i, n), zero - Part(x[4], i1, n), zero - Part(x[4], i2, n), zero - Part(x[4], i3, n));
        float* s0 = s[0], s1 = s[1], s2 = s[2], s3 = s[3], s4 = s[4], at = g.First + offset;
        for (var v = 0; v < g.Count; v++, at += g.Pitch)
        {
            V g0 = V.Load(at) * f0, g1 = V.Load(at + V.Count) * f1, g2 = V.Load(at + 2 * V.Count) * f2, g3 = V.Load(at + 3 * V.Count) * f3;
            if (count > 0)
            {
                var t = V.Of(s0[v]);
                (g0, g1, g2, g3) = (V.MultiplyAdd(t, a0, g0), V.MultiplyAdd(t, a1, g1), V.MultiplyAdd(t, a2, g2), V.MultiplyAdd(t, a3, g3));
            }
            if (count > 1)
            {
                var t = V.Of(s1[v]);
                (g0, g1, g2, g3) = (V.MultiplyAdd(t, b0, g0), V.MultiplyAdd(t, b1, g1), V.MultiplyAdd(t, b2, g2), V.MultiplyAdd(t, b3, g3));
            }
            if (count > 2)
            {
                var t = V.Of(s2[v]);
                (g0, g1, g2, g3) = (V.MultiplyAdd(t, c0, g0), V.MultiplyAdd(t, c1, g1), V.MultiplyAdd(t, c2, g2), V.MultiplyAdd(t, c3, g3));
            }
            if (count > 3)
            {
                var t = V.Of(s3[v]);
                (g0, g1, g2, g3) = (V.MultiplyAdd(t, d0, g0), V.MultiplyAdd(t, d1, g1), V.MultiplyAdd(t, d2, g2), V.MultiplyAdd(t, d3, g3));
            }
            if (count > 4)
            {
                var t = V.Of(s4[v]);
                (g0, g1, g2, g3) = (V.MultiplyAdd(t, e0, g0), V.MultiplyAdd(t, e1, g1), V.MultiplyAdd(t, e2, g2), V.MultiplyAdd(t, e3, g3));
            }
            g0.Store(at);
            g1.Store(at + V.Count);
            g2.Store(at + 2 * V.Count);
            g3.Store(at + 3 * V.Count);
        }
    }

    /// <summary>The same for one register.</summary>
    [MethodImpl(Hot)]
    static void SubtractSteps1(VectorSet g, nint offset, float* gamma, float** x, float** s, int count, int i, int n)
    {
        var factor = gamma != null ? Part(gamma, i, n) : V.Of(1);
        var at = g.First + offset;
        for (var v = 0; v < g.Count; v++, at += g.Pitch)
        {
            var value = V.Load(at) * factor;
            for (var j = 0; j < count; j++) value = V.MultiplyAdd(V.Of(s[j][v]), V.Of(0) - Part(x[j], i, n), value);
            value.Store(at);
        }
    }

    /// <summary>A register from element i of n on, with zeros past the end.</summary>
    [MethodImpl(Inline)]
    static V Part(float* x, int i, int n) => n - i >= V.Count ? V.Load(x + i) : n > i ? V.LoadFirst(x + i, n - i, 0) : V.Of(0);

    public override void MultiplyVectors(VectorSet z, VectorSet g, int depth, float* result, int stride)
    {
        if (V.Count == 16)
        {
            var tile = stackalloc float[24];
            for (var u = 0; u < z.Count; u += 4)
                for (var v = 0; v < g.Count; v += 6)
                {
                    Dot4x6(z, u, g, v, depth, tile);
                    CopyTile(tile, 6, Math.Min(4, z.Count - u), Math.Min(6, g.Count - v), result + (long)u * stride + v, stride);
                }
        }
        else
        {
            var tile = stackalloc float[8];
            for (var u = 0; u < z.Count; u += 2)
                for (var v = 0; v < g.Count; v += 4)
                {
                    Dot2x4(z, u, g, v, depth, tile);
                    CopyTile(tile, 4, Math.Min(2, z.Count - u), Math.Min(4, g.Count - v), result + (long)u * stride + v, stride);
                }
        }
    }

    static void CopyTile(float* tile, int width, int rows, int columns, float* result, int stride)
    {
        for (var r = 0; r < rows; r++)
            for (var c = 0; c < columns; c++) result[(long)r * stride + c] = tile[r * width + c];
    }

    /// <summary>24 sums for 32 registers: ten loads for 24 multiply-adds.</summary>
    [MethodImpl(Hot)]
    static void Dot4x6(in VectorSet z, int u, in VectorSet g, int v, int depth, float* tile)
    {
        float* z0 = z.At(u), z1 = z.At(u + 1), z2 = z.At(u + 2), z3 = z.At(u + 3);
        float* g0 = g.At(v), g1 = g.At(v + 1), g2 = g.At(v + 2), g3 = g.At(v + 3), g4 = g.At(v + 4), g5 = g.At(v + 5);
        V a0 = V.Of(0), a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0, b4 = a0, b5 = a0;
        V c0 = a0, c1 = a0, c2 = a0, c3 = a0, c4 = a0, c5 = a0, d0 = a0, d1 = a0, d2 = a0, d3 = a0, d4 = a0, d5 = a0;
        for (nint i = 0; i < depth; i += V.Count)
        {
            V h0 = V.Load(g0 + i), h1 = V.Load(g1 + i), h2 = V.Load(g2 + i), h3 = V.Load(g3 + i), h4 = V.Load(g4 + i), h5 = V.Load(g5 + i);
            var x = V.Load(z0 + i);
            a0 = V.MultiplyAdd(x, h0, a0);
            a1 = V.MultiplyAdd(x, h1, a1);
            a2 = V.MultiplyAdd(x, h2, a2);
            a3 = V.MultiplyAdd(x, h3, a3);
            a4 = V.MultiplyAdd(x, h4, a4);
            a5 = V.MultiplyAdd(x, h5, a5);
            x = V.Load(z1 + i);
            b0 = V.MultiplyAdd(x, h0, b0);
            b1 = V.MultiplyAdd(x, h1, b1);
            b2 = V.MultiplyAdd(x, h2, b2);
            b3 = V.MultiplyAdd(x, h3, b3);
            b4 = V.MultiplyAdd(x, h4, b4);
            b5 = V.MultiplyAdd(x, h5, b5);
            x = V.Load(z2 + i);
            c0 = V.MultiplyAdd(x, h0, c0);
            c1 = V.MultiplyAdd(x, h1, c1);
            c2 = V.MultiplyAdd(x, h2, c2);
            c3 = V.MultiplyAdd(x, h3, c3);
            c4 = V.MultiplyAdd(x, h4, c4);
            c5 = V.MultiplyAdd(x, h5, c5);
            x = V.Load(z3 + i);
            d0 = V.MultiplyAdd(x, h0, d0);
            d1 = V.MultiplyAdd(x, h1, d1);
            d2 = V.MultiplyAdd(x, h2, d2);
            d3 = V.MultiplyAdd(x, h3, d3);
            d4 = V.MultiplyAdd(x, h4, d4);
            d5 = V.MultiplyAdd(x, h5, d5);
        }
        V.Sums(a0, a1, a2, a3, tile);
        V.Sums(a4, a5, b0, b1, tile + 4);
        V.Sums(b2, b3, b4, b5, tile + 8);
        V.Sums(c0, c1, c2, c3, tile + 12);
        V.Sums(c4, c5, d0, d1, tile + 16);
        V.Sums(d2, d3, d4, d5, tile + 20);
    }

    /// <summary>8 sums for 16 registers.</summary>
    [MethodImpl(Hot)]
    static void Dot2x4(in VectorSet z, int u, in VectorSet g, int v, int depth, float* tile)
    {
        float* z0 = z.At(u), z1 = z.At(u + 1), g0 = g.At(v), g1 = g.At(v + 1), g2 = g.At(v + 2), g3 = g.At(v + 3);
        V a0 = V.Of(0), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
        for (nint i = 0; i < depth; i += V.Count)
        {
            V x = V.Load(z0 + i), y = V.Load(z1 + i), h = V.Load(g0 + i);
            a0 = V.MultiplyAdd(x, h, a0);
            b0 = V.MultiplyAdd(y, h, b0);
            h = V.Load(g1 + i);
            a1 = V.MultiplyAdd(x, h, a1);
            b1 = V.MultiplyAdd(y, h, b1);
            h = V.Load(g2 + i);
            a2 = V.MultiplyAdd(x, h, a2);
            b2 = V.MultiplyAdd(y, h, b2);
            h = V.Load(g3 + i);
            a3 = V.MultiplyAdd(x, h, a3);
            b3 = V.MultiplyAdd(y, h, b3);
        }
        V.Sums(a0, a1, a2, a3, tile);
        V.Sums(b0, b1, b2, b3, tile + 4);
    }

    public override void MultiplyVector(VectorSet z, float* g, int depth, float* result, int stride)
    {
        var sums = stackalloc float[4];
        for (var u = 0; u < z.Count; u += 4)
        {
            Dot4x1(z, u, g, depth, sums);
            for (var i = 0; i < Math.Min(4, z.Count - u); i++) result[(long)(u + i) * stride] = sums[i];
        }
    }

    [MethodImpl(Hot)]
    static void Dot4x1(in VectorSet z, int u, float* g, int depth, float* sums)
    {
        float* z0 = z.At(u), z1 = z.At(u + 1), z2 = z.At(u + 2), z3 = z.At(u + 3);
        V a0 = V.Of(0), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
        nint i = 0;
        for (; i <= depth - 2 * V.Count; i += 2 * V.Count)
        {
            V x = V.Load(g + i), y = V.Load(g + i + V.Count);
            a0 = V.MultiplyAdd(V.Load(z0 + i), x, a0);
            b0 = V.MultiplyAdd(V.Load(z0 + i + V.Count), y, b0);
            a1 = V.MultiplyAdd(V.Load(z1 + i), x, a1);
            b1 = V.MultiplyAdd(V.Load(z1 + i + V.Count), y, b1);
            a2 = V.MultiplyAdd(V.Load(z2 + i), x, a2);
            b2 = V.MultiplyAdd(V.Load(z2 + i + V.Count), y, b2);
            a3 = V.MultiplyAdd(V.Load(z3 + i), x, a3);
            b3 = V.MultiplyAdd(V.Load(z3 + i + V.Count), y, b3);
        }
        for (; i < depth; i += V.Count)
        {
            var x = V.Load(g + i);
            a0 = V.MultiplyAdd(V.Load(z0 + i), x, a0);
            a1 = V.MultiplyAdd(V.Load(z1 + i), x, a1);
            a2 = V.MultiplyAdd(V.Load(z2 + i), x, a2);
            a3 = V.MultiplyAdd(V.Load(z3 + i), x, a3);
        }
        V.Sums(a0 + b0, a1 + b1, a2 + b2, a3 + b3, sums);
    }
}
