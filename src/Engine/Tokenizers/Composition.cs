using System.Globalization;
using System.Text;

namespace Faith.Engine.Tokenizers;

/// <summary>
/// Unicode normalization form C (Unicode Standard Annex 15). The runtime's own leaves text as it is where it runs without culture data, as this
/// program does. The tables are those of the original tokenizers library, which are older than the runtime's; they are written by
/// tests/Engine.Tests/Tokenizers/oracle/make_composition.mjs.
/// </summary>
internal static class Composition
{
    // Hangul syllables are computed from their parts.
    private const int FirstSyllable = 0xAC00, FirstLeading = 0x1100, FirstVowel = 0x1161, BeforeTrailing = 0x11A7;
    private const int LeadingCount = 19, VowelCount = 21, TrailingCount = 28;

    private static readonly Lazy<(Dictionary<int, int[]> Decomposed, Dictionary<(int, int), int> Composed, Dictionary<int, int> Classes)> Tables = new(Read);

    /// <summary>The text composed.</summary>
    public static string Compose(string text, EncodingBudget budget)
    {
        // Below U+0300 nothing is a mark, and what is composed stays so.
        if (!text.AsSpan().ContainsAnyExceptInRange('\0', '\u02FF'))
            return text;
        List<(int Rune, int Class)> runes = Decompose(text);
        budget.Write(runes.Count);
        Order(runes);
        var output = new List<int>(runes.Count);
        int starter = -1, lastClass = -1;
        foreach ((int rune, int markClass) in runes)
        {
            if (starter >= 0 && lastClass < markClass && Pair(output[starter], rune) is { } pair)
            {
                output[starter] = pair;
                continue;
            }
            (starter, lastClass) = markClass == 0 ? (output.Count, -1) : (starter, markClass);
            output.Add(rune);
        }
        var composed = new StringBuilder(output.Count);
        foreach (int rune in output)
            composed.Append(new Rune(rune).ToString());
        return composed.ToString();
    }

    private static List<(int Rune, int Class)> Decompose(string text)
    {
        var (decomposed, _, classes) = Tables.Value;
        var runes = new List<(int Rune, int Class)>(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
        {
            int syllable = rune.Value - FirstSyllable;
            if (syllable is >= 0 and < LeadingCount * VowelCount * TrailingCount)
            {
                runes.Add((FirstLeading + syllable / (VowelCount * TrailingCount), 0));
                runes.Add((FirstVowel + syllable / TrailingCount % VowelCount, 0));
                if (syllable % TrailingCount > 0)
                    runes.Add((BeforeTrailing + syllable % TrailingCount, 0));
                continue;
            }
            if (!decomposed.TryGetValue(rune.Value, out int[]? parts))
                parts = [rune.Value];
            foreach (int part in parts)
                runes.Add((part, classes.GetValueOrDefault(part)));
        }
        return runes;
    }

    // Marks go before those of a higher class; those of one class stay as they are.
    private static void Order(List<(int Rune, int Class)> runes)
    {
        for (int start = 0, end; start < runes.Count; start = end + 1)
        {
            for (end = start; end < runes.Count && runes[end].Class > 0; end++) { }
            if (end - start < 2)
                continue;
            (int Rune, int Class)[] sorted = [.. runes.Slice(start, end - start).OrderBy(rune => rune.Class)];
            for (int i = 0; i < sorted.Length; i++)
                runes[start + i] = sorted[i];
        }
    }

    private static int? Pair(int left, int right)
    {
        int syllable = left - FirstSyllable;
        if (left - FirstLeading is >= 0 and < LeadingCount && right - FirstVowel is >= 0 and < VowelCount)
            return FirstSyllable + ((left - FirstLeading) * VowelCount + right - FirstVowel) * TrailingCount;
        if (syllable is >= 0 and < LeadingCount * VowelCount * TrailingCount && syllable % TrailingCount == 0 && right - BeforeTrailing is > 0 and < TrailingCount)
            return left + right - BeforeTrailing;
        return Tables.Value.Composed.TryGetValue((left, right), out int pair) ? pair : null;
    }

    // Lines "C0=41 300" decompose, "41 300=C0" compose, "300-314 …" are the marks of the next class.
    private static (Dictionary<int, int[]>, Dictionary<(int, int), int>, Dictionary<int, int>) Read()
    {
        using Stream stream = typeof(Composition).Assembly.GetManifestResourceStream("nfc.txt")!;
        using var lines = new StreamReader(stream);
        var (decomposed, composed, classes, markClass) = (new Dictionary<int, int[]>(), new Dictionary<(int, int), int>(), new Dictionary<int, int>(), 0);
        while (lines.ReadLine() is { } line)
        {
            int[][] sides = [.. line.Split('=').Select(CodePoints)];
            if (sides.Length == 1)
            {
                markClass++;
                foreach (int mark in sides[0])
                    classes[mark] = markClass;
            }
            else if (sides[0].Length == 1)
                decomposed[sides[0][0]] = sides[1];
            else
                composed[(sides[0][0], sides[0][1])] = sides[1][0];
        }
        return (decomposed, composed, classes);

        static int[] CodePoints(string side) => [.. side.Split(' ').Select(range => range.Split('-')).SelectMany(ends => Enumerable.Range(Hex(ends[0]), Hex(ends[^1]) - Hex(ends[0]) + 1))];
        static int Hex(string digits) => int.Parse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
    }
}
