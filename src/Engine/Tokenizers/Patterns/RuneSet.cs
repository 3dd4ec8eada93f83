using System.Globalization;
using System.Text;

namespace Faith.Engine.Tokenizers.Patterns;

/// <summary>
/// A set of Unicode code points as sorted, disjoint, inclusive ranges. Membership is by code point, never by UTF-16 unit, so letters
/// outside the basic plane count as letters.
/// </summary>
internal sealed class RuneSet
{
    private const int Last = 0x10FFFF;

    private readonly int[] starts;
    private readonly int[] ends;
    private readonly ulong[] low = new ulong[4]; // Membership of the first 256 code points, which is nearly every question.

    private RuneSet(List<(int Start, int End)> ranges)
    {
        starts = new int[ranges.Count];
        ends = new int[ranges.Count];
        for (int i = 0; i < ranges.Count; i++)
            (starts[i], ends[i]) = ranges[i];
        for (int rune = 0; rune < 256; rune++)
        {
            if (Find(rune))
                low[rune >> 6] |= 1UL << (rune & 63);
        }
    }

    /// <summary>The set without elements.</summary>
    public static RuneSet Empty { get; } = new([]);

    /// <summary>Whether the set has no elements.</summary>
    public bool IsEmpty => starts.Length == 0;

    /// <summary>Whether the set has exactly one element.</summary>
    public bool IsSingle => starts.Length == 1 && starts[0] == ends[0];

    /// <summary>Whether the set holds the code point.</summary>
    public bool Contains(int rune) => rune < 256 ? (low[rune >> 6] >> (rune & 63) & 1) != 0 : Find(rune);

    /// <summary>The code points start … end, both included.</summary>
    public static RuneSet Range(int start, int end) => new([(start, end)]);

    /// <summary>The code points of a list of inclusive ranges, in any order.</summary>
    public static RuneSet Of(params (int Start, int End)[] ranges) => new(Join([.. ranges]));

    /// <summary>The code points with one of the categories.</summary>
    public static RuneSet Of(params UnicodeCategory[] categories)
    {
        var ranges = new List<(int, int)>();
        foreach (UnicodeCategory category in categories)
            ranges.AddRange(ByCategory.Value[(int)category]);
        return new(Join(ranges));
    }

    /// <summary>Everything in either set.</summary>
    public RuneSet Union(RuneSet other) => new(Join([.. Ranges(), .. other.Ranges()]));

    /// <summary>Everything in neither.</summary>
    public RuneSet Complement()
    {
        var ranges = new List<(int, int)>();
        int next = 0;
        foreach ((int start, int end) in Ranges())
        {
            if (start > next)
                ranges.Add((next, start - 1));
            next = end + 1;
        }
        if (next <= Last)
            ranges.Add((next, Last));
        return new(ranges);
    }

    /// <summary>Everything in both sets.</summary>
    public RuneSet Intersect(RuneSet other) => Complement().Union(other.Complement()).Complement();

    /// <summary>The set and everything that differs from an element by case only (one code point for one).</summary>
    public RuneSet IgnoringCase()
    {
        var ranges = Ranges().ToList();
        foreach (int[] variants in CaseVariants.Value)
        {
            if (variants.Any(Contains))
                ranges.AddRange(variants.Select(rune => (rune, rune)));
        }
        return new(Join(ranges));
    }

    private bool Find(int rune)
    {
        int index = Array.BinarySearch(starts, rune);
        if (index >= 0)
            return true;
        index = ~index - 1;
        return index >= 0 && rune <= ends[index];
    }

    private IEnumerable<(int Start, int End)> Ranges() => starts.Zip(ends);

    private static List<(int Start, int End)> Join(List<(int Start, int End)> ranges)
    {
        ranges.Sort();
        var joined = new List<(int Start, int End)>();
        foreach ((int start, int end) in ranges)
        {
            if (joined.Count > 0 && start <= joined[^1].End + 1)
                joined[^1] = (joined[^1].Start, Math.Max(joined[^1].End, end));
            else
                joined.Add((start, end));
        }
        return joined;
    }

    private static readonly Lazy<List<(int, int)>[]> ByCategory = new(() =>
    {
        var table = new List<(int Start, int End)>[30];
        for (int category = 0; category < table.Length; category++)
            table[category] = [];
        int start = 0;
        for (int rune = 1; rune <= Last + 1; rune++)
        {
            UnicodeCategory before = CharUnicodeInfo.GetUnicodeCategory(rune - 1);
            if (rune <= Last && CharUnicodeInfo.GetUnicodeCategory(rune) == before)
                continue;
            table[(int)before].Add((start, rune - 1));
            start = rune;
        }
        return table;
    });

    // Groups of code points with the same simple folding: s, S and ſ are one group.
    private static readonly Lazy<int[][]> CaseVariants = new(() =>
    {
        var groups = new Dictionary<int, HashSet<int>>();
        for (int rune = 0; rune <= Last; rune++)
        {
            int folded = Fold(rune);
            if (folded == rune)
                continue;
            if (!groups.TryGetValue(folded, out HashSet<int>? group))
                groups[folded] = group = [folded];
            group.Add(rune);
        }
        return [.. groups.Values.Select(group => group.ToArray())];
    });

    private static int Fold(int rune)
    {
        if (!Rune.IsValid(rune))
            return rune;
        // The runtime leaves the long s without a capital.
        return rune == 'ſ' ? 's' : Rune.ToLowerInvariant(Rune.ToUpperInvariant(new Rune(rune))).Value;
    }
}
