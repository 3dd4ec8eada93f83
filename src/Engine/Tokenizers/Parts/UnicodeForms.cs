using System.Globalization;
using System.Text;

namespace Faith.Engine.Tokenizers.Parts;

/// <summary>
/// The Unicode normalization forms (UAX 15). The runtime's own leaves text as it is when it runs without culture data, as this
/// program does, and its tables are newer than those tokenizers were made with.
/// </summary>
internal static partial class UnicodeForms
{
    private const int HangulSyllables = 0xAC00;
    private const int Leading = 0x1100;
    private const int Vowels = 0x1161;
    private const int Trailing = 0x11A7;
    private const int VowelCount = 21;
    private const int TrailingCount = 28;
    private const int SyllableCount = 19 * VowelCount * TrailingCount;

    private static readonly Lazy<Tables> Data = new(() => new Tables());

    /// <summary>NFC, NFD, NFKC or NFKD of a well-formed text.</summary>
    /// <param name="compatibility">Whether compatibility characters are decomposed too (the K forms).</param>
    /// <param name="compose">Whether the result is composed (the C forms).</param>
    public static string Normalize(string text, bool compatibility, bool compose)
    {
        // Below U+00A0 nothing decomposes, and nothing there combines with what comes before it.
        if (!text.AsSpan().ContainsAnyExceptInRange('\0', '\u009F'))
            return text;
        List<int> runes = Decompose(text, compatibility);
        Order(runes);
        if (compose)
            Compose(runes);
        var normalized = new StringBuilder(text.Length);
        Span<char> units = stackalloc char[2];
        foreach (int rune in runes)
            normalized.Append(units[..new Rune(rune).EncodeToUtf16(units)]);
        return normalized.ToString();
    }

    private static List<int> Decompose(string text, bool compatibility)
    {
        Tables data = Data.Value;
        var runes = new List<int>(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
        {
            int syllable = rune.Value - HangulSyllables;
            if (syllable is >= 0 and < SyllableCount)
            {
                runes.Add(Leading + syllable / (VowelCount * TrailingCount));
                runes.Add(Vowels + syllable / TrailingCount % VowelCount);
                if (syllable % TrailingCount != 0)
                    runes.Add(Trailing + syllable % TrailingCount);
            }
            else if (compatibility && data.Compatible.TryGetValue(rune.Value, out int[]? parts))
                runes.AddRange(parts);
            else if (data.Canonical.TryGetValue(rune.Value, out parts))
                runes.AddRange(parts);
            else
                runes.Add(rune.Value);
        }
        return runes;
    }

    // Sorts each run of marks by class; marks of one class keep their order.
    private static void Order(List<int> runes)
    {
        for (int start = 0; start < runes.Count; start++)
        {
            int end = start;
            while (end < runes.Count && Class(runes[end]) > 0)
                end++;
            if (end - start > 1)
            {
                int[] sorted = [.. runes.GetRange(start, end - start).OrderBy(Class)];
                for (int i = 0; i < sorted.Length; i++)
                    runes[start + i] = sorted[i];
            }
            start = end;
        }
    }

    private static void Compose(List<int> runes)
    {
        int starter = -1;
        int lastClass = -1; // The class of the mark before, -1 straight after the starter.
        int kept = 0;
        for (int i = 0; i < runes.Count; i++)
        {
            int rune = runes[i];
            int markClass = Class(rune);
            bool blocked = lastClass >= markClass;
            if (starter >= 0 && !blocked && Pair(runes[starter], rune) is { } composed)
            {
                runes[starter] = composed;
                continue;
            }
            if (markClass == 0)
                (starter, lastClass) = (kept, -1);
            else
                lastClass = markClass;
            runes[kept++] = rune;
        }
        runes.RemoveRange(kept, runes.Count - kept);
    }

    private static int? Pair(int left, int right)
    {
        if (left - Leading is >= 0 and < 19 && right - Vowels is >= 0 and < VowelCount)
            return HangulSyllables + ((left - Leading) * VowelCount + right - Vowels) * TrailingCount;
        int syllable = left - HangulSyllables;
        if (syllable is >= 0 and < SyllableCount && syllable % TrailingCount == 0 && right - Trailing is > 0 and < TrailingCount)
            return left + right - Trailing;
        return Data.Value.Composed.TryGetValue((left, right), out int composed) ? composed : null;
    }

    private static int Class(int rune) => rune < 0x300 ? 0 : Data.Value.Classes.GetValueOrDefault(rune);

    private sealed class Tables
    {
        public Tables()
        {
            Canonical = Mappings(UnicodeForms.Canonical).ToDictionary(pair => pair.From[0], pair => pair.To);
            Compatible = Mappings(UnicodeForms.Compatible).ToDictionary(pair => pair.From[0], pair => pair.To);
            Composed = Mappings(UnicodeForms.Composed).ToDictionary(pair => (pair.From[0], pair.From[1]), pair => pair.To[0]);
            string[] classes = Marks.Split(';', StringSplitOptions.RemoveEmptyEntries);
            for (int i = 0; i < classes.Length; i++)
            {
                foreach (string range in classes[i].Split(' '))
                {
                    string[] ends = range.Split('-');
                    for (int rune = Number(ends[0]); rune <= Number(ends[^1]); rune++)
                        Classes[rune] = i + 1;
                }
            }
        }

        public Dictionary<int, int[]> Canonical { get; }

        public Dictionary<int, int[]> Compatible { get; }

        public Dictionary<(int Left, int Right), int> Composed { get; }

        // Only the order of the classes matters, so they are numbered from 1.
        public Dictionary<int, int> Classes { get; } = [];

        private static IEnumerable<(int[] From, int[] To)> Mappings(string table) =>
            table.Split(';', StringSplitOptions.RemoveEmptyEntries).Select(entry => entry.Split('='))
                .Select(sides => (Numbers(sides[0]), Numbers(sides[1])));

        private static int[] Numbers(string list) => [.. list.Split(' ').Select(Number)];

        private static int Number(string hex) => int.Parse(hex, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
    }
}
