using Faith.Engine.Data;
using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>
/// A micro-batch: examples whose rows are packed, never padded, cut into a prefix that clean and corrupted share (computed
/// once, and once for examples with equal prefixes) and the suffix rows that can differ (method.md §3, consequences 3 and 7).
/// </summary>
internal sealed class Batch
{
    /// <summary>Packs examples.</summary>
    /// <param name="examples">The examples.</param>
    /// <param name="sharePrefixes">False when every position is changed, as under zero or mean ablation.</param>
    public Batch(IReadOnlyList<Example> examples, bool sharePrefixes)
    {
        Examples = examples;
        SuffixLengths = new int[examples.Count];
        PrefixLengths = new int[examples.Count];
        PrefixOffsets = new int[examples.Count];
        var prefixes = new Dictionary<TokenSequence, int>();
        var (prefixTokens, prefixLengths) = (new List<int>(), new List<int>());
        var (clean, corrupted, positions) = (new List<int>(), new List<int>(), new List<int>());
        for (var e = 0; e < examples.Count; e++)
        {
            var example = examples[e];
            var start = sharePrefixes ? example.FirstDifference : 0;
            PrefixLengths[e] = start;
            SuffixLengths[e] = example.Clean.Length - start;
            if (start > 0)
            {
                var prefix = new TokenSequence(example.Clean, start);
                if (!prefixes.TryGetValue(prefix, out PrefixOffsets[e]))
                {
                    prefixes[prefix] = PrefixOffsets[e] = prefixTokens.Count;
                    prefixTokens.AddRange(example.Clean.AsSpan(0, start));
                    prefixLengths.Add(start);
                }
            }
            clean.AddRange(example.Clean.AsSpan(start));
            corrupted.AddRange(example.Corrupted.AsSpan(start));
            positions.AddRange(Enumerable.Range(start, SuffixLengths[e]));
        }
        CleanTokens = [.. clean];
        CorruptedTokens = [.. corrupted];
        Positions = [.. positions];
        PrefixTokens = [.. prefixTokens];
        UniquePrefixLengths = [.. prefixLengths];
        Rows = clean.Count;
    }

    public IReadOnlyList<Example> Examples { get; }
    public int Sequences => Examples.Count;
    public int[] SuffixLengths { get; }
    public int[] PrefixLengths { get; }
    public int[] PrefixOffsets { get; }
    public int[] CleanTokens { get; }
    public int[] CorruptedTokens { get; }
    public int[] Positions { get; }
    public int[] PrefixTokens { get; }
    public int[] UniquePrefixLengths { get; }
    /// <summary>Suffix rows of all examples.</summary>
    public int Rows { get; }
    /// <summary>Prefix rows, equal prefixes counted once.</summary>
    public int PrefixRows => PrefixTokens.Length;

    /// <summary>The first tokens of a prompt, compared by value.</summary>
    private readonly struct TokenSequence(int[] tokens, int count) : IEquatable<TokenSequence>
    {
        private readonly int[] tokens = tokens;
        private readonly int count = count;

        public bool Equals(TokenSequence other) => tokens.AsSpan(0, count).SequenceEqual(other.tokens.AsSpan(0, other.count));
        public override bool Equals(object? obj) => obj is TokenSequence other && Equals(other);

        public override int GetHashCode()
        {
            var hash = new HashCode();
            foreach (var token in tokens.AsSpan(0, count)) hash.Add(token);
            return hash.ToHashCode();
        }
    }
}

/// <summary>The layouts of a pass that runs every example of a batch at several points of the path: point-major rows.</summary>
internal sealed class PassLayout
{
    /// <summary>
    /// The suffix rows of a batch, <paramref name="points"/> times over. With <paramref name="everyRow"/> the last layer too goes on
    /// with every row: each counts as the last of a sequence there.
    /// </summary>
    public PassLayout(Device device, Arena arena, bool measuring, Batch batch, int points, bool everyRow = false)
    {
        Points = points;
        Rows = batch.Rows * points;
        Sequences = everyRow ? Rows : batch.Sequences * points;
        All = new Ragged(Repeat(batch.SuffixLengths, points), Repeat(batch.PrefixOffsets, points), Repeat(batch.PrefixLengths, points), lastQueryOnly: false);
        LastQuery = new Ragged(Repeat(batch.SuffixLengths, points), Repeat(batch.PrefixOffsets, points), Repeat(batch.PrefixLengths, points), lastQueryOnly: !everyRow);
        var lastRows = everyRow ? [.. Enumerable.Range(0, Rows)] : All.Offsets[1..].Select(end => end - 1).ToArray();
        var positions = Repeat(batch.Positions, points);
        var (all, last) = (arena.Block(All.Bytes), arena.Block(LastQuery.Bytes));
        var (rowMemory, positionMemory, lastMemory) = (arena.Integers(Sequences), arena.Integers(Rows), arena.Integers(Sequences));
        if (measuring) return;
        device.Prepare(All, all);
        device.Prepare(LastQuery, last);
        LastRows = device.Upload(lastRows, rowMemory);
        Positions = device.Upload(positions, positionMemory);
        LastPositions = device.Upload([.. lastRows.Select(r => positions[r])], lastMemory);
    }

    /// <summary>The prefix rows of a batch: sequences of their own, without a prefix before them.</summary>
    public static PassLayout OfPrefixes(Device device, Arena arena, bool measuring, Batch batch)
    {
        var alone = new Batch([.. batch.UniquePrefixLengths.Select(n => new Example(new int[n], new int[n], [], []))], sharePrefixes: false);
        return new(device, arena, measuring, alone, 1);
    }

    public int Points { get; }
    public int Rows { get; }
    public int Sequences { get; }
    public Ragged All { get; }
    public Ragged LastQuery { get; }
    public Indices LastRows { get; }
    public Indices Positions { get; }
    public Indices LastPositions { get; }

    private static int[] Repeat(int[] values, int times)
    {
        var result = new int[values.Length * times];
        for (var i = 0; i < times; i++) values.CopyTo(result, i * values.Length);
        return result;
    }
}
