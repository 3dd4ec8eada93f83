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
            LongestSequence = Math.Max(LongestSequence, suffixLengths[s] + prefixLengths[s]);
        }
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
    /// <summary>Rows of the packed suffix matrices.</summary>
    public int Rows => Offsets[^1];
    /// <summary>Rows of the packed query matrices.</summary>
    public int QueryRows => QueryOffsets[^1];
    /// <summary>Longest prefix plus suffix.</summary>
    public int LongestSequence { get; }

    /// <summary>Bytes of the device memory that <see cref="Device.Prepare"/> fills.</summary>
    public long Bytes => sizeof(int) * (4L * Sequences + 2);

    /// <summary>The same arrays in the device's memory, in the order Offsets, QueryOffsets, PrefixOffsets, PrefixLengths; set by <see cref="Device.Prepare"/>.</summary>
    public RaggedOnDevice OnDevice { get; set; }
}

/// <summary>A <see cref="Ragged"/> layout in a device's memory.</summary>
public readonly record struct RaggedOnDevice(Indices Offsets, Indices QueryOffsets, Indices PrefixOffsets, Indices PrefixLengths);
