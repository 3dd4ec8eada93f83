namespace Faith.Kernels.Gpu;

/// <summary>Device memory that operations take for their own inside: one block, which grows to the largest need and stays.</summary>
internal static class GpuScratch
{
    private const long LeastOfContraction = 256L << 20;

    /// <summary>Bytes of <see cref="Device.AttentionBackward"/>: one number a query and head.</summary>
    public static long OfAttentionBackward(Ragged layout, AttentionShape shape) => (long)layout.QueryRows * shape.Heads * sizeof(float);

    private const int MostRowsOfGrid = 65_535;

    /// <summary>As many sequences from one on, one at least, as <see cref="Device.ContractRows"/> multiplies at a time.</summary>
    public static int SequencesOfRows(Ragged layout, int matrices, int gradients, int first)
    {
        var taken = 1;
        while (first + taken < layout.Sequences && sizeof(float) * FloatsOfRows(layout, matrices, gradients, first, taken + 1) <= LeastOfContraction
            && layout.QueryOffsets[first + taken + 1] - layout.QueryOffsets[first] <= MostRowsOfGrid) taken++;
        return taken;
    }

    /// <summary>Numbers that it takes for these: a product of every two matrices in every row.</summary>
    public static long FloatsOfRows(Ragged layout, int matrices, int gradients, int first, int count) =>
        (long)(layout.QueryOffsets[first + count] - layout.QueryOffsets[first]) * matrices * gradients;

    /// <summary>Bytes that it takes for the sequences that take most.</summary>
    public static long OfRows(Ragged layout, int matrices, int gradients)
    {
        var largest = 0L;
        for (int first = 0, taken; first < layout.Sequences; first += taken)
        {
            taken = SequencesOfRows(layout, matrices, gradients, first);
            largest = Math.Max(largest, sizeof(float) * FloatsOfRows(layout, matrices, gradients, first, taken));
        }
        return largest;
    }

    /// <summary>
    /// Most bytes of a contraction on a device with this much memory, unless it is told otherwise: 768 MiB of 24 GiB. A pack of 16 rows
    /// of Llama-3-8B takes 294 MiB, and 744 where every row is a sequence.
    /// </summary>
    public static long MostOfContraction(long deviceMemory) => Math.Max(LeastOfContraction, deviceMemory / 32);

    /// <summary>Bytes that a contraction takes for a chunk of its packs, and the least it can do with, those of its largest pack.</summary>
    /// <param name="c">The contraction.</param>
    /// <param name="cache">Bytes of the level 2 cache.</param>
    /// <param name="wave">Blocks that the device works on at a time.</param>
    /// <param name="memory">Most bytes in all.</param>
    public static (long Bytes, long Least) OfContraction(ScoreContraction c, long cache, int wave, long memory)
    {
        var packs = c.Layout.Packs.Length - 1;
        var all = BytesOfPacks(c, 0, packs);
        var least = Enumerable.Range(0, packs).Max(pack => BytesOfPacks(c, pack, 1));
        // Every layer reads the differences again, so a chunk should stay in the cache; but it should also have a block for
        // every place on the device.
        var (_, columnTiles) = TileOfContraction(c);
        var blocksOfPack = columnTiles * PartsOfContraction(c.InputDifference.Columns).Parts;
        var bytesOfWave = (wave + blocksOfPack - 1) / blocksOfPack * ((all + packs - 1) / packs);
        return (LargestChunk(c, Math.Clamp(Math.Min(Math.Max(cache / 4 * 3, bytesOfWave), memory), least, all)), least);
    }

    /// <summary>What to try where a device does not have these bytes.</summary>
    public static long LessOfContraction(long bytes, long least) => Math.Max(bytes / 2, least);

    // Chunks end with a pack, so the largest may take less than it could.
    private static long LargestChunk(ScoreContraction c, long bytes)
    {
        var largest = 0L;
        for (int first = 0, taken; first < c.Layout.Packs.Length - 1; first += taken)
        {
            taken = PacksIn(c, first, bytes);
            largest = Math.Max(largest, BytesOfPacks(c, first, taken));
        }
        return largest;
    }

    /// <summary>Blocks of a contraction that a device works on at a time: as many as a multiprocessor's shared memory holds, each with 48 KiB, and three by their registers.</summary>
    public static int WaveOfContraction(int multiprocessors, int sharedMemory) => multiprocessors * Math.Clamp(sharedMemory / (48 << 10), 1, 3);

    /// <summary>As many packs from the first one on as take no more than these bytes, but at least one.</summary>
    public static int PacksIn(ScoreContraction c, int first, long bytes)
    {
        var packs = 1;
        while (first + packs < c.Layout.Packs.Length - 1 && BytesOfPacks(c, first, packs + 1) <= bytes) packs++;
        return packs;
    }

    /// <summary>Bytes of Δz of all sources in the rows of some packs, and of the products of a layer.</summary>
    public static long BytesOfPacks(ScoreContraction c, int first, int count)
    {
        int from = c.Layout.Packs[first], to = c.Layout.Packs[first + count], rows = c.Layout.TileOffsets[to] - c.Layout.TileOffsets[from];
        return checked(sizeof(float) * ((long)c.SourcesBefore(c.Layers) * rows * c.InputDifference.Columns + (to - from) * ProductsOfTile(c)));
    }

    /// <summary>Elements of the products of a layer in one tile: [parts][sources that its heads read][columns].</summary>
    public static long ProductsOfTile(ScoreContraction c)
    {
        var (tile, tiles) = TileOfContraction(c);
        return (long)PartsOfContraction(c.InputDifference.Columns).Parts * c.SourcesBefore(c.Layers - 1) * tile * tiles;
    }

    /// <summary>Columns of a block, those of which fewer stay empty, and how many blocks take those of a layer: its heads' and its MLP's.</summary>
    public static (int Columns, int Tiles) TileOfContraction(ScoreContraction c)
    {
        int Tiles(int columns) => (c.HeadColumns + 1 + columns - 1) / columns;
        return Tiles(32) * 32 < Tiles(40) * 40 ? (32, Tiles(32)) : (40, Tiles(40));
    }

    /// <summary>
    /// Parts into which a contraction's sums over d are cut, and the columns of all but the last: at most 64 parts of a multiple of 16, each of which
    /// a block forms and multiplies. They depend on the width alone, as the bits of the scores do on them.
    /// </summary>
    public static (int Parts, int Length) PartsOfContraction(int width)
    {
        var length = (width + 16 * 64 - 1) / (16 * 64) * 16;
        return ((width + length - 1) / length, length);
    }
}
