namespace Faith.Kernels.Cuda;

/// <summary>Device memory that operations take for their own inside: one block, which grows to the largest need and stays.</summary>
internal static class CudaScratch
{
    private const long LeastOfContraction = 256L << 20;
    private const int LeastChunk = 32;

    /// <summary>Bytes of <see cref="Device.AttentionBackward"/>: one number a query and head, or none where one kernel does it all.</summary>
    public static long OfAttentionBackward(Ragged layout, AttentionShape shape) =>
        CudaDevice.IsShort(layout, shape) ? 0 : (long)layout.QueryRows * shape.Heads * sizeof(float);

    /// <summary>
    /// Most bytes of a contraction on a device with this much memory, unless it is told otherwise: 768 MiB of 24 GiB, which hold the 32
    /// rows that fill a tile even where a row takes 20 MiB, as in Llama-3-8B.
    /// </summary>
    public static long MostOfContraction(long deviceMemory) => Math.Max(LeastOfContraction, deviceMemory / 32);

    /// <summary>Rows that a contraction takes at a time, and the bytes of each: Δz of all sources, γ⊙(W·α) of the head columns of a layer, and all products.</summary>
    /// <param name="c">The contraction.</param>
    /// <param name="cache">Bytes of the level 2 cache.</param>
    /// <param name="memory">Most bytes in all.</param>
    public static (int Rows, long BytesOfARow) OfContraction(ScoreContraction c, long cache, long memory)
    {
        int width = c.InputDifference.Columns, sources = 1 + c.Layers * (c.Heads + 1), mostColumns = c.HeadColumns + 1 + c.Steps;
        var bytesOfARow = sizeof(float) * ((long)(sources + c.HeadColumns) * width + (long)sources * mostColumns * PartsOfContraction(width).Parts);
        // Every layer reads the differences again, so a chunk should stay in the cache; but every chunk reads all weights
        // again, so it should not be small either.
        var rowsInCache = Math.Max(cache / 4 * 3 / bytesOfARow, LeastChunk);
        return ((int)Math.Clamp(Math.Min(rowsInCache, memory / bytesOfARow), 1, Math.Min(c.Layout.Rows, ushort.MaxValue)), bytesOfARow);
    }

    /// <summary>
    /// Parts into which a contraction's products over d are cut, and the columns of all but the last: about 256, but at most four parts,
    /// since each is written and read once. They depend on the width alone, as the bits of the scores do on them.
    /// </summary>
    public static (int Parts, int Length) PartsOfContraction(int width)
    {
        var most = Math.Clamp((width + 255) / 256, 1, 4);
        var length = ((width + most - 1) / most + 15) / 16 * 16;
        return ((width + length - 1) / length, length);
    }
}
