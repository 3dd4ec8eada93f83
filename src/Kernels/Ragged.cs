namespace Faith.Kernels;

/// <summary>
/// The layout of packed sequences of different lengths (method: rows are packed, never padded).
/// Sequence s has a prefix of <c>PrefixLength[s]</c> positions whose keys and values were computed once and stand at rows
/// PrefixOffset[s]… of the prefix matrices, and a suffix at rows Offset[s] … Offset[s+1]−1 of the packed matrices, at
/// positions PrefixLength[s], PrefixLength[s]+1, …. Queries are the last QueryCount rows of each suffix, packed at
/// QueryOffset[s]…: all of them in most layers, only the last one after the last layer's keys and values.
/// </summary>
public sealed class Ragged
{
    /// <summary>Builds a layout from the suffix lengths and the prefix positions of every sequence.</summary>
    /// <param name="suffixLengths">Rows of each sequence; at least 1.</param>
    /// <param name="prefixOffsets">First row of each sequence's prefix in the prefix matrices.</param>
    /// <param name="prefixLengths">Rows of each sequence's prefix; 0 for none.</param>
    /// <param name="lastQueryOnly">True when only the last row of each sequence asks.</param>
    public Ragged(ReadOnlySpan<int> suffixLengths, ReadOnlySpan<int> prefixOffsets, ReadOnlySpan<int> prefixLengths, bool lastQueryOnly)
    {
        var n = suffixLengths.Length;
        Sequences = n;
        Offsets = new int[n + 1];
        QueryOffsets = new int[n + 1];
        PrefixOffsets = prefixOffsets.ToArray();
        PrefixLengths = prefixLengths.ToArray();
        for (var s = 0; s < n; s++)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(suffixLengths[s], 1);
            Offsets[s + 1] = checked(Offsets[s] + suffixLengths[s]);
            QueryOffsets[s + 1] = QueryOffsets[s] + (lastQueryOnly ? 1 : suffixLengths[s]);
            HasPrefixes |= prefixLengths[s] > 0;
            LongestSequence = Math.Max(LongestSequence, suffixLengths[s] + prefixLengths[s]);
        }
        (TileOffsets, SequenceTiles, Packs) = Tile(Offsets);
    }

    /// <summary>Number of sequences.</summary>
    public int Sequences { get; }
    /// <summary>Suffix row offsets, [Sequences + 1].</summary>
    public int[] Offsets { get; }
    /// <summary>Query row offsets, [Sequences + 1].</summary>
    public int[] QueryOffsets { get; }
    /// <summary>First prefix row of each sequence.</summary>
    public int[] PrefixOffsets { get; }
    /// <summary>Prefix length of each sequence.</summary>
    public int[] PrefixLengths { get; }
    /// <summary>Whether a sequence has a prefix.</summary>
    public bool HasPrefixes { get; }
    /// <summary>Rows of the packed suffix matrices.</summary>
    public int Rows => Offsets[^1];
    /// <summary>Rows of the packed query matrices.</summary>
    public int QueryRows => QueryOffsets[^1];
    /// <summary>Longest prefix plus suffix.</summary>
    public int LongestSequence { get; }

    /// <summary>Most suffix rows of a tile and of a pack.</summary>
    public const int TileRows = 16;
    /// <summary>
    /// First suffix row of each tile, and the number of rows: tiles are the rows of one sequence, cut from its first row on, so that a sum
    /// over the rows of a tile does not depend on the other sequences.
    /// </summary>
    public int[] TileOffsets { get; }
    /// <summary>First tile of each sequence, [Sequences + 1].</summary>
    public int[] SequenceTiles { get; }
    /// <summary>First tile of each pack, and the number of tiles: a pack is as many neighbouring tiles as have no more rows than one may have.</summary>
    public int[] Packs { get; }

    /// <summary>The sequence that a tile is of.</summary>
    public int SequenceOf(int tile)
    {
        var sequence = Array.BinarySearch(SequenceTiles, tile);
        return sequence < 0 ? ~sequence - 1 : sequence;
    }

    /// <summary>Integers of the device memory that <see cref="Device.Prepare"/> fills.</summary>
    public int Integers => checked(5 * Sequences + 3 + TileOffsets.Length + Packs.Length);

    /// <summary>The same arrays in the device's memory, in the order of <see cref="RaggedOnDevice"/>; set by <see cref="Device.Prepare"/>.</summary>
    public RaggedOnDevice OnDevice { get; set; }

    private static (int[] Tiles, int[] SequenceTiles, int[] Packs) Tile(int[] offsets)
    {
        List<int> tiles = [], packs = [];
        var sequenceTiles = new int[offsets.Length];
        var packStart = 0;
        for (var s = 0; s < offsets.Length - 1; s++)
        {
            sequenceTiles[s] = tiles.Count;
            for (var row = offsets[s]; row < offsets[s + 1]; row += TileRows)
            {
                if (tiles.Count == 0 || Math.Min(row + TileRows, offsets[s + 1]) - packStart > TileRows)
                {
                    packs.Add(tiles.Count);
                    packStart = row;
                }
                tiles.Add(row);
            }
        }
        sequenceTiles[^1] = tiles.Count;
        return ([.. tiles, offsets[^1]], sequenceTiles, [.. packs, tiles.Count]);
    }
}

/// <summary>A <see cref="Ragged"/> layout in a device's memory.</summary>
public readonly record struct RaggedOnDevice(Indices Offsets, Indices QueryOffsets, Indices PrefixOffsets, Indices PrefixLengths,
    Indices TileOffsets, Indices SequenceTiles, Indices Packs);
