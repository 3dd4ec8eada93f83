using System.Globalization;
using System.Text;

namespace Faith.Engine.Tokenizers;

/// <summary>Text of a file inside a message: short, on one line, and harmless on a terminal.</summary>
internal static class OneLine
{
    /// <summary>The text with control characters escaped, cut when longer than given.</summary>
    public static string Of(ReadOnlySpan<char> text, int longest = 60)
    {
        var line = new StringBuilder();
        foreach (Rune rune in text.EnumerateRunes())
        {
            if (line.Length >= longest)
            {
                line.Append('…');
                break;
            }
            bool hidden = Rune.GetUnicodeCategory(rune)
                is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
            if (hidden)
                line.Append(CultureInfo.InvariantCulture, $"\\u{rune.Value:x4}");
            else
                line.Append(rune.ToString());
        }
        return line.ToString();
    }
}
