using Faith.Engine.Data;
using Faith.Engine.Models;

namespace Faith.Engine.Passes;

/// <summary>
/// A micro-batch: examples whose rows are packed, never padded, cut into a prefix that clean and corrupted share (computed
/// once, and once for examples with equal prefixes) and the suffix rows that can differ (method.md §3, consequences 3 and 7).
/// </summary>
internal sealed class Batch
{
    private readonly ModelConfig config;
    private readonly bool[] prefixIsLong;

    /// <summary>Packs examples.</summary>
    /// <param name="config">The model.</param>
    /// <param name="examples">The examples.</param>
    /// <param name="sharePrefixes">False when every position is changed, as under zero or mean ablation.</param>
    public Batch(ModelConfig config, IReadOnlyList<Example> examples, bool sharePrefixes)
        : this(config, examples, sharePrefixes, LongOf(config.LongBeyond, examples)) { }

    private Batch(ModelConfig config, IReadOnlyList<Example> examples, bool sharePrefixes, bool[] isLong)
    {
        this.config = config;
        var twice = config.LongBeyond is not null;
        Examples = examples;
        SuffixLengths = new int[examples.Count];
        PrefixLengths = new int[examples.Count];
        PrefixOffsets = new int[examples.Count];
        var prefixes = new Dictionary<(TokenSequence, bool), int>();
        var (prefixTokens, prefixLengths, isLongPrefix) = (new List<int>(), new List<int>(), new List<bool>());
        var (clean, corrupted, positions, angles) = (new List<int>(), new List<int>(), new List<int>(), new List<int>());
        for (var e = 0; e < examples.Count; e++)
        {
            var example = examples[e];
            var start = sharePrefixes ? example.FirstDifference : 0;
            PrefixLengths[e] = start;
            SuffixLengths[e] = example.Clean.Length - start;
            if (start > 0)
            {
                var prefix = (new TokenSequence(example.Clean, start), isLong[e]);
                if (!prefixes.TryGetValue(prefix, out PrefixOffsets[e]))
                {
                    prefixes[prefix] = PrefixOffsets[e] = prefixTokens.Count;
                    prefixTokens.AddRange(example.Clean.AsSpan(0, start));
                    prefixLengths.Add(start);
                    isLongPrefix.Add(isLong[e]);
                }
            }
            clean.AddRange(example.Clean.AsSpan(start));
            corrupted.AddRange(example.Corrupted.AsSpan(start));
            positions.AddRange(Enumerable.Range(start, SuffixLengths[e]));
            angles.AddRange(Enumerable.Range(start, SuffixLengths[e]).Select(position => RotaryTables.Row(twice, position, isLong[e])));
        }
        CleanTokens = [.. clean];
        CorruptedTokens = [.. corrupted];
        Positions = [.. positions];
        AngleRows = [.. angles];
        PrefixTokens = [.. prefixTokens];
        UniquePrefixLengths = [.. prefixLengths];
        prefixIsLong = [.. isLongPrefix];
        Rows = clean.Count;
    }

    private static bool[] LongOf(int? longBeyond, IReadOnlyList<Example> examples) => [.. examples.Select(example => example.Clean.Length > longBeyond)];

    /// <summary>The prefixes, once each, as prompts of their own whose rotary angles are those of the prompts they begin.</summary>
    public Batch Prefixes() => new(config, [.. UniquePrefixLengths.Select(n => new Example(new int[n], new int[n], [], []))], sharePrefixes: false, prefixIsLong);

    public IReadOnlyList<Example> Examples { get; }
    public int Sequences => Examples.Count;
    public int[] SuffixLengths { get; }
    public int[] PrefixLengths { get; }
    public int[] PrefixOffsets { get; }
    public int[] CleanTokens { get; }
    public int[] CorruptedTokens { get; }
    public int[] Positions { get; }
    /// <summary>Where a row's angles stand in <see cref="RotaryTables"/>.</summary>
    public int[] AngleRows { get; }
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
