using System.Text;
using System.Text.RegularExpressions;

namespace Faith.Engine.Tokenizers;

/// <summary>
/// A pattern of a tokenizer file. It is written for Oniguruma, which counts code points, and run by the runtime's regular expressions, which
/// count UTF-16 units: a code point of two units is matched as a stand-in of one unit with the same general category. Only what both
/// understand alike is taken.
/// </summary>
internal sealed partial class SplitPattern
{
    private const int Longest = 4096;
    private static readonly TimeSpan LongestMatch = TimeSpan.FromSeconds(2);

    // One character for each UnicodeCategory, in the order of the enumeration; none that a pattern would name.
    private const string StandIns = "\u10A0\u2D00\u1F88\uA015\uA000\uA802\uA823\u20DD\uA620\uA6E6\uA830\u3000\u2028\u2029\u0080"
        + "\u2061\uFFFD\uE000\u203F\u2E3A\u2E22\u2E23\u2E02\u2E03\uA4FE\u2A00\uA838\uA700\uA490\uFFFF";

    private readonly Regex regex;

    /// <exception cref="FormatException">The pattern uses what the two languages do not understand alike, or is too long.</exception>
    public SplitPattern(string pattern)
    {
        if (pattern.Length > Longest)
            throw new FormatException($"it is {pattern.Length} characters long; at most {Longest} are supported");
        if (!Common().IsMatch(pattern))
            throw new FormatException("only the constructs that Oniguruma and .NET understand alike are supported");
        // .NET leaves the long s without a capital.
        pattern = IgnoringCase().Replace(pattern, group => group.Value.Replace("s", "sſ").Replace("'sſ", "'[sſ]"));
        try
        {
            regex = new Regex(Possessive().Replace(pattern, "(?>$1$2)"), RegexOptions.CultureInvariant | RegexOptions.Compiled, LongestMatch);
        }
        catch (ArgumentException exception)
        {
            throw new FormatException(exception.Message, exception);
        }
    }

    /// <summary>A pattern that matches a text.</summary>
    public static SplitPattern Literal(string text) => new(string.Concat(text.Select(unit => @"\[]^$(){}|.?*+".Contains(unit) ? $@"\{unit}" : $"{unit}")));

    /// <summary>The matches from left to right as UTF-16 offsets, start included and end not.</summary>
    /// <exception cref="InputException">They take too long.</exception>
    public IEnumerable<(int Start, int End)> Matches(string text, EncodingBudget budget)
    {
        if (!text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF'))
            return MatchesOfUnits(text, budget);
        var stand = new StringBuilder(text.Length);
        var offsets = new List<int>(text.Length + 1);
        int offset = 0;
        foreach (Rune rune in text.EnumerateRunes())
        {
            offsets.Add(offset);
            stand.Append(rune.IsBmp ? (char)rune.Value : StandIns[(int)Rune.GetUnicodeCategory(rune)]);
            offset += rune.Utf16SequenceLength;
        }
        offsets.Add(offset);
        return MatchesOfUnits(stand.ToString(), budget).Select(match => (offsets[match.Start], offsets[match.End]));
    }

    /// <summary>The text with something else in the place of every match.</summary>
    /// <exception cref="InputException">It takes too long, or becomes too long.</exception>
    public string Replace(string text, string content, EncodingBudget budget)
    {
        StringBuilder? replaced = null;
        int copied = 0;
        foreach ((int start, int end) in Matches(text, budget))
        {
            budget.Write(content.Length);
            (replaced ??= new()).Append(text, copied, start - copied).Append(content);
            copied = end;
        }
        return replaced is null ? text : replaced.Append(text, copied, text.Length - copied).ToString();
    }

    private IEnumerable<(int Start, int End)> MatchesOfUnits(string text, EncodingBudget budget)
    {
        for (Match? match = Next(null); match is { Success: true }; match = Next(match))
        {
            budget.CheckTime();
            yield return (match.Index, match.Index + match.Length);
        }

        Match Next(Match? previous)
        {
            try
            {
                return previous?.NextMatch() ?? regex.Match(text);
            }
            catch (RegexMatchTimeoutException)
            {
                throw EncodingBudget.TakesTooLong();
            }
        }
    }

    // Escapes, sets without sets inside, groups, quantifiers and characters of one unit. Not \w, \b, \h, ^, $, &&, [[…]], named groups.
    [GeneratedRegex("""^(?:\\(?:[rntfvsSdD]|[pP]\{[A-Z][a-z]?\}|u[0-9A-Fa-f]{4}|[^\w\s])|\[\^?(?:\\(?:[rntfvsSdD]|[pP]\{[A-Z][a-z]?\}|u[0-9A-Fa-f]{4}|[^\w\s])|[^\[\]\\&\p{Cs}]|&(?!&))+\]|\((?:\?(?::|<?[=!])|(?!\?))|\(\?i:(?:'?[a-zA-Z]+|\[[a-zA-Z]+\]|\|)+\)|[)|.?*+]|\{\d+\}(?![+?])|\{\d+,\d*\}(?!\+)|[^\[\]\\^$(){}\p{Cs}])*$""")]
    private static partial Regex Common();

    [GeneratedRegex(@"\(\?i:[^)]*\)")]
    private static partial Regex IgnoringCase();

    [GeneratedRegex(@"(\\[pP]\{\w+\}|\\.|\[(?:\\.|[^\]\\])+\]|[^()|\\\]])([?*+])\+")]
    private static partial Regex Possessive();
}
