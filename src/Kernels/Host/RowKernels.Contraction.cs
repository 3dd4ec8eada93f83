using System.Runtime.CompilerServices;

namespace Faith.Kernels.Host;

internal sealed unsafe partial class RowKernels<V>
{
    [MethodImpl(Hot)]
    public override void Centre(Tensor x)
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

    public override void FinishGradient(float* g, int pitch, int count, float* scale, int d, Tensor normalized, Tensor products, int row, int stepRows, int steps)
    {
        for (var v = 0; v < count; v++)
        {
            var column = g + (nint)v * pitch;
            Map(new MultiplyMap(), column, scale, column, d);
            var k = 0;
            for (; k + 4 <= steps; k += 4)
                SubtractProducts(column, d, X(k), X(k + 1), X(k + 2), X(k + 3), S(k), S(k + 1), S(k + 2), S(k + 3));
            for (; k < steps; k++) Map(new AddScaledMap(-S(k)), X(k), column, column, d);

            float* X(int step) => normalized.Row(row + step * stepRows);
            float S(int step) => products.Row(row + step * stepRows)[v];
        }
    }

    /// <summary>g −= x0·s0 + x1·s1 + x2·s2 + x3·s3.</summary>
    [MethodImpl(Hot)]
    static void SubtractProducts(float* g, int n, float* x0, float* x1, float* x2, float* x3, float s0, float s1, float s2, float s3)
    {
        V t0 = V.Of(-s0), t1 = V.Of(-s1), t2 = V.Of(-s2), t3 = V.Of(-s3);
        var i = 0;
        for (; i <= n - V.Count; i += V.Count)
            V.MultiplyAdd(V.Load(x3 + i), t3, V.MultiplyAdd(V.Load(x2 + i), t2, V.MultiplyAdd(V.Load(x1 + i), t1, V.MultiplyAdd(V.Load(x0 + i), t0, V.Load(g + i))))).Store(g + i);
        for (; i < n; i++) g[i] -= x0[i] * s0 + x1[i] * s1 + x2[i] * s2 + x3[i] * s3;
    }

    public override void MultiplyVectors(in VectorSet z, in VectorSet g, int rows, int depth, float* result, int stride)
    {
        if (V.Count == 16)
        {
            var tile = stackalloc float[24];
            for (var u = 0; u < z.Count; u += 4)
                for (var v = 0; v < g.Count; v += 6)
                {
                    Dot4x6(z, u, g, v, rows, depth, tile);
                    CopyTile(tile, 6, Math.Min(4, z.Count - u), Math.Min(6, g.Count - v), result + (long)u * stride + v, stride);
                }
        }
        else
        {
            var tile = stackalloc float[8];
            for (var u = 0; u < z.Count; u += 2)
                for (var v = 0; v < g.Count; v += 4)
                {
                    Dot2x4(z, u, g, v, rows, depth, tile);
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
    static void Dot4x6(in VectorSet z, int u, in VectorSet g, int v, int rows, int depth, float* tile)
    {
        float* z0 = z.At(u), z1 = z.At(u + 1), z2 = z.At(u + 2), z3 = z.At(u + 3);
        float* g0 = g.At(v), g1 = g.At(v + 1), g2 = g.At(v + 2), g3 = g.At(v + 3), g4 = g.At(v + 4), g5 = g.At(v + 5);
        V a0 = V.Of(0), a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0, b4 = a0, b5 = a0;
        V c0 = a0, c1 = a0, c2 = a0, c3 = a0, c4 = a0, c5 = a0, d0 = a0, d1 = a0, d2 = a0, d3 = a0, d4 = a0, d5 = a0;
        for (var r = 0; r < rows; r++)
        {
            nint i = r * z.Row, j = r * g.Row;
            for (var end = i + depth; i < end; i += V.Count, j += V.Count)
            {
                V h0 = V.Load(g0 + j), h1 = V.Load(g1 + j), h2 = V.Load(g2 + j), h3 = V.Load(g3 + j), h4 = V.Load(g4 + j), h5 = V.Load(g5 + j);
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
        }
        (tile[0], tile[1], tile[2], tile[3], tile[4], tile[5]) = (a0.Sum(), a1.Sum(), a2.Sum(), a3.Sum(), a4.Sum(), a5.Sum());
        (tile[6], tile[7], tile[8], tile[9], tile[10], tile[11]) = (b0.Sum(), b1.Sum(), b2.Sum(), b3.Sum(), b4.Sum(), b5.Sum());
        (tile[12], tile[13], tile[14], tile[15], tile[16], tile[17]) = (c0.Sum(), c1.Sum(), c2.Sum(), c3.Sum(), c4.Sum(), c5.Sum());
        (tile[18], tile[19], tile[20], tile[21], tile[22], tile[23]) = (d0.Sum(), d1.Sum(), d2.Sum(), d3.Sum(), d4.Sum(), d5.Sum());
    }

    /// <summary>8 sums for 16 registers.</summary>
    [MethodImpl(Hot)]
    static void Dot2x4(in VectorSet z, int u, in VectorSet g, int v, int rows, int depth, float* tile)
    {
        float* z0 = z.At(u), z1 = z.At(u + 1), g0 = g.At(v), g1 = g.At(v + 1), g2 = g.At(v + 2), g3 = g.At(v + 3);
        V a0 = V.Of(0), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
        for (var r = 0; r < rows; r++)
        {
            nint i = r * z.Row, j = r * g.Row;
            for (var end = i + depth; i < end; i += V.Count, j += V.Count)
            {
                V x = V.Load(z0 + i), y = V.Load(z1 + i), h = V.Load(g0 + j);
                a0 = V.MultiplyAdd(x, h, a0);
                b0 = V.MultiplyAdd(y, h, b0);
                h = V.Load(g1 + j);
                a1 = V.MultiplyAdd(x, h, a1);
                b1 = V.MultiplyAdd(y, h, b1);
                h = V.Load(g2 + j);
                a2 = V.MultiplyAdd(x, h, a2);
                b2 = V.MultiplyAdd(y, h, b2);
                h = V.Load(g3 + j);
                a3 = V.MultiplyAdd(x, h, a3);
                b3 = V.MultiplyAdd(y, h, b3);
            }
        }
        (tile[0], tile[1], tile[2], tile[3]) = (a0.Sum(), a1.Sum(), a2.Sum(), a3.Sum());
        (tile[4], tile[5], tile[6], tile[7]) = (b0.Sum(), b1.Sum(), b2.Sum(), b3.Sum());
    }

    public override void MultiplyVector(in VectorSet z, float* g, nint gRow, int rows, int n, float* result, int stride)
    {
        var sums = stackalloc float[4];
        for (var u = 0; u < z.Count; u += 4)
        {
            Dot4x1(z, u, g, gRow, rows, n, sums);
            for (var i = 0; i < Math.Min(4, z.Count - u); i++) result[(long)(u + i) * stride] = sums[i];
        }
    }

    [MethodImpl(Hot)]
    static void Dot4x1(in VectorSet z, int u, float* g, nint gRow, int rows, int n, float* sums)
    {
        float* z0 = z.At(u), z1 = z.At(u + 1), z2 = z.At(u + 2), z3 = z.At(u + 3);
        V a0 = V.Of(0), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
        for (var r = 0; r < rows; r++)
        {
            nint i = r * z.Row, j = r * gRow, end = i + n;
            for (; i <= end - 2 * V.Count; i += 2 * V.Count, j += 2 * V.Count)
            {
                V x = V.Load(g + j), y = V.Load(g + j + V.Count);
                a0 = V.MultiplyAdd(V.Load(z0 + i), x, a0);
                b0 = V.MultiplyAdd(V.Load(z0 + i + V.Count), y, b0);
                a1 = V.MultiplyAdd(V.Load(z1 + i), x, a1);
                b1 = V.MultiplyAdd(V.Load(z1 + i + V.Count), y, b1);
                a2 = V.MultiplyAdd(V.Load(z2 + i), x, a2);
                b2 = V.MultiplyAdd(V.Load(z2 + i + V.Count), y, b2);
                a3 = V.MultiplyAdd(V.Load(z3 + i), x, a3);
                b3 = V.MultiplyAdd(V.Load(z3 + i + V.Count), y, b3);
            }
            for (; i < end; i += V.Count, j += V.Count)
            {
                var rest = (int)(end - i);
                var x = rest >= V.Count ? V.Load(g + j) : V.LoadFirst(g + j, rest, 0);
                // z is filled up with zeros to whole registers.
                a0 = V.MultiplyAdd(V.Load(z0 + i), x, a0);
                a1 = V.MultiplyAdd(V.Load(z1 + i), x, a1);
                a2 = V.MultiplyAdd(V.Load(z2 + i), x, a2);
                a3 = V.MultiplyAdd(V.Load(z3 + i), x, a3);
            }
        }
        (sums[0], sums[1], sums[2], sums[3]) = ((a0 + b0).Sum(), (a1 + b1).Sum(), (a2 + b2).Sum(), (a3 + b3).Sum());
    }
}
