using System.Runtime.CompilerServices;

namespace Faith.Kernels.Host;

/// <summary>Products of the small matrices of attention, by tiles of rows × registers that generate_small_products.py writes out; each element is a chain of its own.</summary>
internal sealed unsafe partial class RowKernels<V>
{
    /// <summary>
    /// c (= or +=) a·b for the small matrices of attention: a [m × k] with any strides, b [k × n] and c [m × n] with contiguous
    /// rows, n whole registers and, of registers of fewer than 16 lanes, whole pairs of them. Every element is one chain of
    /// multiply-adds in ascending k, whichever tile it is in.
    /// </summary>
    [MethodImpl(Hot)]
    static void Product(float* a, nint aRow, nint aColumn, float* b, nint bRow, float* c, nint cRow, int m, int n, int k, bool add)
    {
        var j = 0;
        // The large tiles need 32 registers; the narrower kernels have 16.
        if (V.Count == 16)
        {
            for (; j <= n - 4 * V.Count; j += 4 * V.Count)
            {
                var i = 0;
                for (; i <= m - 4; i += 4) Rows4x4(a + i * aRow, aRow, aColumn, b + j, bRow, c + i * cRow + j, cRow, k, add);
                for (; i < m; i++)
                {
                    Row1x2(a + i * aRow, aColumn, b + j, bRow, c + i * cRow + j, k, add);
                    Row1x2(a + i * aRow, aColumn, b + j + 2 * V.Count, bRow, c + i * cRow + j + 2 * V.Count, k, add);
                }
            }
        }
        for (; j <= n - 2 * V.Count; j += 2 * V.Count)
        {
            var i = 0;
            if (V.Count == 16) for (; i <= m - 8; i += 8) Rows8x2(a + i * aRow, aRow, aColumn, b + j, bRow, c + i * cRow + j, cRow, k, add);
            for (; i <= m - 4; i += 4) Rows4x2(a + i * aRow, aRow, aColumn, b + j, bRow, c + i * cRow + j, cRow, k, add);
            for (; i < m; i++) Row1x2(a + i * aRow, aColumn, b + j, bRow, c + i * cRow + j, k, add);
        }
        if (j < n)
        {
            var i = 0;
            for (; i <= m - 8; i += 8) Rows8x1(a + i * aRow, aRow, aColumn, b + j, bRow, c + i * cRow + j, cRow, k, add);
            for (; i <= m - 4; i += 4) Rows4x1(a + i * aRow, aRow, aColumn, b + j, bRow, c + i * cRow + j, cRow, k, add);
            for (; i < m; i++) Row1x1(a + i * aRow, aColumn, b + j, bRow, c + i * cRow + j, k, add);
        }
    }

    /// <summary>Rows of n elements to where they stand one after another, in whole registers filled up with zeros.</summary>
    [MethodImpl(Hot)]
    static void Gather(float* from, nint stride, int rows, int n, float* to, int pitch)
    {
        for (var r = 0; r < rows; r++, from += stride, to += pitch)
        {
            var i = 0;
            for (; i <= n - 2 * V.Count; i += 2 * V.Count)
            {
                V.Load(from + i).Store(to + i);
                V.Load(from + i + V.Count).Store(to + i + V.Count);
            }
            for (; i < pitch; i += V.Count) Part(from, i, n).Store(to + i);
        }
    }

    /// <summary>The same back, each row times a factor where there are any.</summary>
    [MethodImpl(Hot)]
    static void Scatter(float* from, int pitch, float* factors, nint factorStride, int rows, int n, float* to, nint stride)
    {
        for (var r = 0; r < rows; r++, from += pitch, to += stride)
        {
            var f = V.Of(factors == null ? 1 : factors[r * factorStride]);
            var i = 0;
            for (; i <= n - V.Count; i += V.Count) (f * V.Load(from + i)).Store(to + i);
            if (i < n) (f * V.Load(from + i)).StoreFirst(to + i, n - i);
        }
    }
}
