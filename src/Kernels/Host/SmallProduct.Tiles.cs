using System.Runtime.CompilerServices;

namespace Faith.Kernels.Host;

/// <summary>Tiles of registers of <see cref="Product"/>: rows × registers of a row, each element a chain of its own.</summary>
internal sealed unsafe partial class RowKernels<V>
{
    [MethodImpl(Hot)]
    static void Rows4x4(float* a, nint aRow, nint aColumn, float* b, nint bRow, float* c, nint cRow, int k, bool add)
    {
        V a0 = V.Of(0), b0 = a0, c0 = a0, d0 = a0;
        V a1 = a0, b1 = a0, c1 = a0, d1 = a0;
        V a2 = a0, b2 = a0, c2 = a0, d2 = a0;
        V a3 = a0, b3 = a0, c3 = a0, d3 = a0;
        var aRow3 = 3 * aRow;
        if (add)
        {
            (a0, b0, c0, d0) = (V.Load(c), V.Load(c + V.Count), V.Load(c + 2 * V.Count), V.Load(c + 3 * V.Count));
            (a1, b1, c1, d1) = (V.Load(c + cRow), V.Load(c + cRow + V.Count), V.Load(c + cRow + 2 * V.Count), V.Load(c + cRow + 3 * V.Count));
            (a2, b2, c2, d2) = (V.Load(c + 2 * cRow), V.Load(c + 2 * cRow + V.Count), V.Load(c + 2 * cRow + 2 * V.Count), V.Load(c + 2 * cRow + 3 * V.Count));
            (a3, b3, c3, d3) = (V.Load(c + 3 * cRow), V.Load(c + 3 * cRow + V.Count), V.Load(c + 3 * cRow + 2 * V.Count), V.Load(c + 3 * cRow + 3 * V.Count));
        }
        for (; k > 0; k--)
        {
            V x0 = V.Load(b), x1 = V.Load(b + V.Count), x2 = V.Load(b + 2 * V.Count), x3 = V.Load(b + 3 * V.Count);
            var f = V.Of(a[0]);
            a0 = V.MultiplyAdd(f, x0, a0);
            b0 = V.MultiplyAdd(f, x1, b0);
            c0 = V.MultiplyAdd(f, x2, c0);
            d0 = V.MultiplyAdd(f, x3, d0);
            f = V.Of(a[aRow]);
            a1 = V.MultiplyAdd(f, x0, a1);
            b1 = V.MultiplyAdd(f, x1, b1);
            c1 = V.MultiplyAdd(f, x2, c1);
            d1 = V.MultiplyAdd(f, x3, d1);
            f = V.Of(a[2 * aRow]);
            a2 = V.MultiplyAdd(f, x0, a2);
            b2 = V.MultiplyAdd(f, x1, b2);
            c2 = V.MultiplyAdd(f, x2, c2);
            d2 = V.MultiplyAdd(f, x3, d2);
            f = V.Of(a[aRow3]);
            a3 = V.MultiplyAdd(f, x0, a3);
            b3 = V.MultiplyAdd(f, x1, b3);
            c3 = V.MultiplyAdd(f, x2, c3);
            d3 = V.MultiplyAdd(f, x3, d3);
            a += aColumn;
            b += bRow;
        }
        a0.Store(c);
        b0.Store(c + V.Count);
        c0.Store(c + 2 * V.Count);
        d0.Store(c + 3 * V.Count);
        a1.Store(c + cRow);
        b1.Store(c + cRow + V.Count);
        c1.Store(c + cRow + 2 * V.Count);
        d1.Store(c + cRow + 3 * V.Count);
        a2.Store(c + 2 * cRow);
        b2.Store(c + 2 * cRow + V.Count);
        c2.Store(c + 2 * cRow + 2 * V.Count);
        d2.Store(c + 2 * cRow + 3 * V.Count);
        a3.Store(c + 3 * cRow);
        b3.Store(c + 3 * cRow + V.Count);
        c3.Store(c + 3 * cRow + 2 * V.Count);
        d3.Store(c + 3 * cRow + 3 * V.Count);
    }

    [MethodImpl(Hot)]
    static void Rows8x2(float* a, nint aRow, nint aColumn, float* b, nint bRow, float* c, nint cRow, int k, bool add)
    {
        V a0 = V.Of(0), b0 = a0;
        V a1 = a0, b1 = a0;
        V a2 = a0, b2 = a0;
        V a3 = a0, b3 = a0;
        V a4 = a0, b4 = a0;
        V a5 = a0, b5 = a0;
        V a6 = a0, b6 = a0;
        V a7 = a0, b7 = a0;
        nint aRow3 = 3 * aRow, aRow4 = 4 * aRow;
        if (add)
        {
            (a0, b0) = (V.Load(c), V.Load(c + V.Count));
            (a1, b1) = (V.Load(c + cRow), V.Load(c + cRow + V.Count));
            (a2, b2) = (V.Load(c + 2 * cRow), V.Load(c + 2 * cRow + V.Count));
            (a3, b3) = (V.Load(c + 3 * cRow), V.Load(c + 3 * cRow + V.Count));
            (a4, b4) = (V.Load(c + 4 * cRow), V.Load(c + 4 * cRow + V.Count));
            (a5, b5) = (V.Load(c + 5 * cRow), V.Load(c + 5 * cRow + V.Count));
            (a6, b6) = (V.Load(c + 6 * cRow), V.Load(c + 6 * cRow + V.Count));
            (a7, b7) = (V.Load(c + 7 * cRow), V.Load(c + 7 * cRow + V.Count));
        }
        for (; k > 0; k--)
        {
            V x0 = V.Load(b), x1 = V.Load(b + V.Count);
            var f = V.Of(a[0]);
            a0 = V.MultiplyAdd(f, x0, a0);
            b0 = V.MultiplyAdd(f, x1, b0);
            f = V.Of(a[aRow]);
            a1 = V.MultiplyAdd(f, x0, a1);
            b1 = V.MultiplyAdd(f, x1, b1);
            f = V.Of(a[2 * aRow]);
            a2 = V.MultiplyAdd(f, x0, a2);
            b2 = V.MultiplyAdd(f, x1, b2);
            f = V.Of(a[aRow3]);
            a3 = V.MultiplyAdd(f, x0, a3);
            b3 = V.MultiplyAdd(f, x1, b3);
            var high = a + aRow4;
            f = V.Of(high[0]);
            a4 = V.MultiplyAdd(f, x0, a4);
            b4 = V.MultiplyAdd(f, x1, b4);
            f = V.Of(high[aRow]);
            a5 = V.MultiplyAdd(f, x0, a5);
            b5 = V.MultiplyAdd(f, x1, b5);
            f = V.Of(high[2 * aRow]);
            a6 = V.MultiplyAdd(f, x0, a6);
            b6 = V.MultiplyAdd(f, x1, b6);
            f = V.Of(high[aRow3]);
            a7 = V.MultiplyAdd(f, x0, a7);
            b7 = V.MultiplyAdd(f, x1, b7);
            a += aColumn;
            b += bRow;
        }
        a0.Store(c);
        b0.Store(c + V.Count);
        a1.Store(c + cRow);
        b1.Store(c + cRow + V.Count);
        a2.Store(c + 2 * cRow);
        b2.Store(c + 2 * cRow + V.Count);
        a3.Store(c + 3 * cRow);
        b3.Store(c + 3 * cRow + V.Count);
        a4.Store(c + 4 * cRow);
        b4.Store(c + 4 * cRow + V.Count);
        a5.Store(c + 5 * cRow);
        b5.Store(c + 5 * cRow + V.Count);
        a6.Store(c + 6 * cRow);
        b6.Store(c + 6 * cRow + V.Count);
        a7.Store(c + 7 * cRow);
        b7.Store(c + 7 * cRow + V.Count);
    }

    [MethodImpl(Hot)]
    static void Rows4x2(float* a, nint aRow, nint aColumn, float* b, nint bRow, float* c, nint cRow, int k, bool add)
    {
        V a0 = V.Of(0), b0 = a0;
        V a1 = a0, b1 = a0;
        V a2 = a0, b2 = a0;
        V a3 = a0, b3 = a0;
        var aRow3 = 3 * aRow;
        if (add)
        {
            (a0, b0) = (V.Load(c), V.Load(c + V.Count));
            (a1, b1) = (V.Load(c + cRow), V.Load(c + cRow + V.Count));
            (a2, b2) = (V.Load(c + 2 * cRow), V.Load(c + 2 * cRow + V.Count));
            (a3, b3) = (V.Load(c + 3 * cRow), V.Load(c + 3 * cRow + V.Count));
        }
        for (; k > 0; k--)
        {
            V x0 = V.Load(b), x1 = V.Load(b + V.Count);
            var f = V.Of(a[0]);
            a0 = V.MultiplyAdd(f, x0, a0);
            b0 = V.MultiplyAdd(f, x1, b0);
            f = V.Of(a[aRow]);
            a1 = V.MultiplyAdd(f, x0, a1);
            b1 = V.MultiplyAdd(f, x1, b1);
            f = V.Of(a[2 * aRow]);
            a2 = V.MultiplyAdd(f, x0, a2);
            b2 = V.MultiplyAdd(f, x1, b2);
            f = V.Of(a[aRow3]);
            a3 = V.MultiplyAdd(f, x0, a3);
            b3 = V.MultiplyAdd(f, x1, b3);
            a += aColumn;
            b += bRow;
        }
        a0.Store(c);
        b0.Store(c + V.Count);
        a1.Store(c + cRow);
        b1.Store(c + cRow + V.Count);
        a2.Store(c + 2 * cRow);
        b2.Store(c + 2 * cRow + V.Count);
        a3.Store(c + 3 * cRow);
        b3.Store(c + 3 * cRow + V.Count);
    }

    [MethodImpl(Hot)]
    static void Rows8x1(float* a, nint aRow, nint aColumn, float* b, nint bRow, float* c, nint cRow, int k, bool add)
    {
        V a0 = V.Of(0);
        V a1 = a0;
        V a2 = a0;
        V a3 = a0;
        V a4 = a0;
        V a5 = a0;
        V a6 = a0;
        V a7 = a0;
        nint aRow3 = 3 * aRow, aRow4 = 4 * aRow;
        if (add)
        {
            a0 = V.Load(c);
            a1 = V.Load(c + cRow);
            a2 = V.Load(c + 2 * cRow);
            a3 = V.Load(c + 3 * cRow);
            a4 = V.Load(c + 4 * cRow);
            a5 = V.Load(c + 5 * cRow);
            a6 = V.Load(c + 6 * cRow);
            a7 = V.Load(c + 7 * cRow);
        }
        for (; k > 0; k--)
        {
            V x0 = V.Load(b);
            var f = V.Of(a[0]);
            a0 = V.MultiplyAdd(f, x0, a0);
            f = V.Of(a[aRow]);
            a1 = V.MultiplyAdd(f, x0, a1);
            f = V.Of(a[2 * aRow]);
            a2 = V.MultiplyAdd(f, x0, a2);
            f = V.Of(a[aRow3]);
            a3 = V.MultiplyAdd(f, x0, a3);
            var high = a + aRow4;
            f = V.Of(high[0]);
            a4 = V.MultiplyAdd(f, x0, a4);
            f = V.Of(high[aRow]);
            a5 = V.MultiplyAdd(f, x0, a5);
            f = V.Of(high[2 * aRow]);
            a6 = V.MultiplyAdd(f, x0, a6);
            f = V.Of(high[aRow3]);
            a7 = V.MultiplyAdd(f, x0, a7);
            a += aColumn;
            b += bRow;
        }
        a0.Store(c);
        a1.Store(c + cRow);
        a2.Store(c + 2 * cRow);
        a3.Store(c + 3 * cRow);
        a4.Store(c + 4 * cRow);
        a5.Store(c + 5 * cRow);
        a6.Store(c + 6 * cRow);
        a7.Store(c + 7 * cRow);
    }

    [MethodImpl(Hot)]
    static void Rows4x1(float* a, nint aRow, nint aColumn, float* b, nint bRow, float* c, nint cRow, int k, bool add)
    {
        V a0 = V.Of(0);
        V a1 = a0;
        V a2 = a0;
        V a3 = a0;
        var aRow3 = 3 * aRow;
        if (add)
        {
            a0 = V.Load(c);
            a1 = V.Load(c + cRow);
            a2 = V.Load(c + 2 * cRow);
            a3 = V.Load(c + 3 * cRow);
        }
        for (; k > 0; k--)
        {
            V x0 = V.Load(b);
            var f = V.Of(a[0]);
            a0 = V.MultiplyAdd(f, x0, a0);
            f = V.Of(a[aRow]);
            a1 = V.MultiplyAdd(f, x0, a1);
            f = V.Of(a[2 * aRow]);
            a2 = V.MultiplyAdd(f, x0, a2);
            f = V.Of(a[aRow3]);
            a3 = V.MultiplyAdd(f, x0, a3);
            a += aColumn;
            b += bRow;
        }
        a0.Store(c);
        a1.Store(c + cRow);
        a2.Store(c + 2 * cRow);
        a3.Store(c + 3 * cRow);
    }

    [MethodImpl(Hot)]
    static void Row1x2(float* a, nint aColumn, float* b, nint bRow, float* c, int k, bool add)
    {
        V a0 = V.Of(0), b0 = a0;
        if (add)
        {
            (a0, b0) = (V.Load(c), V.Load(c + V.Count));
        }
        for (; k > 0; k--)
        {
            V x0 = V.Load(b), x1 = V.Load(b + V.Count);
            var f = V.Of(a[0]);
            a0 = V.MultiplyAdd(f, x0, a0);
            b0 = V.MultiplyAdd(f, x1, b0);
            a += aColumn;
            b += bRow;
        }
        a0.Store(c);
        b0.Store(c + V.Count);
    }

    [MethodImpl(Hot)]
    static void Row1x1(float* a, nint aColumn, float* b, nint bRow, float* c, int k, bool add)
    {
        V a0 = V.Of(0);
        if (add)
        {
            a0 = V.Load(c);
        }
        for (; k > 0; k--)
        {
            V x0 = V.Load(b);
            var f = V.Of(a[0]);
            a0 = V.MultiplyAdd(f, x0, a0);
            a += aColumn;
            b += bRow;
        }
        a0.Store(c);
    }
}
