using System.Globalization;
using System.Text;

namespace Faith.Engine.Models;

/// <summary>Pieces of messages. What came out of a file is quoted so that it cannot break the one line a message has.</summary>
internal static class Wording
{
    private const int Longest = 120, MostDimensions = 8;

    /// <summary>A name or value from a file, in single quotes, control characters escaped, cut when very long.</summary>
    internal static string Quote(string text, int longest = Longest) => "'" + Clean(text, longest) + "'";

    /// <summary>Text from outside without line breaks or control characters, cut when very long.</summary>
    internal static string Clean(string text, int longest = Longest)
    {
        var result = new StringBuilder(Math.Min(text.Length, longest) + 8);
        foreach (var character in text.AsSpan(0, Math.Min(text.Length, longest)))
        {
            // Format characters (direction overrides), line and paragraph separators count as breaks too.
            var category = char.GetUnicodeCategory(character);
            var printable = category is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate
                or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);
            if (printable) result.Append(character);
            else result.Append(CultureInfo.InvariantCulture, $"\\u{(int)character:x4}");
        }
        if (text.Length > longest) result.Append('…');
        return result.ToString();
    }

    /// <summary>A shape as [2, 3]; no tensor of a model has more than a few dimensions, and the rest is left out.</summary>
    internal static string Shape(IReadOnlyList<long> shape) => "[" + string.Join(", ", shape.Take(MostDimensions)) + (shape.Count > MostDimensions ? $", … {shape.Count} dimensions]" : "]");
}
