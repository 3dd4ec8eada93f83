using System.Buffers;
using System.Globalization;
using System.Text;

namespace Faith.Engine;

/// <summary>
/// Text from outside (of files, of a model, of the command line) made fit to be read: it stays on its line and shows all of its characters.
/// Control characters, line and paragraph separators, characters that nobody sees (zero width, byte-order marks, directions) and halves of
/// surrogate pairs are written as \n, \r, \t, \u001b or \u{e0001}. Clean text stays as it is, so cleaning twice does no harm.
/// </summary>
public static class PlainText
{
    private const int ShortLength = 60, NameLength = 120;

    /// <summary>The text as one line.</summary>
    public static string Line(string text) => Clean(text, int.MaxValue, keepLines: false);

    /// <summary>The text with its line breaks and tabs, and with everything else escaped.</summary>
    public static string Lines(string text) => Clean(text, int.MaxValue, keepLines: true);

    /// <summary>The text as one line, cut with an ellipsis after <paramref name="longest"/> characters.</summary>
    public static string Short(ReadOnlySpan<char> text, int longest = ShortLength) => Clean(text, longest, keepLines: false);

    /// <summary>A name as one line in single quotes, cut when long.</summary>
    public static string Name(ReadOnlySpan<char> text, int longest = NameLength) => $"'{Short(text, longest)}'";

    /// <summary>A value as one short line in double quotes, with quotes and backslashes escaped as in JSON.</summary>
    public static string Quote(ReadOnlySpan<char> text)
    {
        var shown = text.Length <= ShortLength ? text : text[..(char.IsHighSurrogate(text[ShortLength - 1]) ? ShortLength - 1 : ShortLength)];
        var escaped = shown.ToString().Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal);
        return $"\"{Line(escaped)}{(shown.Length < text.Length ? "…" : "")}\"";
    }

    private static string Clean(ReadOnlySpan<char> text, int longest, bool keepLines)
    {
        var clean = new StringBuilder(Math.Min(text.Length, longest));
        while (text.Length > 0)
        {
            if (clean.Length >= longest) return clean.Append('…').ToString();
            var status = Rune.DecodeFromUtf16(text, out var rune, out var length);
            var piece = text[..length];
            text = text[length..];
            if (status != OperationStatus.Done) clean.Append(CultureInfo.InvariantCulture, $"\\u{(int)piece[0]:x4}");
            else if (keepLines && rune.Value == '\r' && text is ['\n', ..]) continue;
            else if (keepLines && rune.Value is '\n' or '\t') clean.Append(piece);
            else if (IsHidden(rune)) clean.Append(Escape(rune.Value));
            else clean.Append(piece);
        }
        return clean.ToString();
    }

    private static bool IsHidden(Rune rune) => Rune.GetUnicodeCategory(rune)
        is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;

    private static string Escape(int value) => value switch
    {
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        <= char.MaxValue => string.Create(CultureInfo.InvariantCulture, $"\\u{value:x4}"),
        _ => string.Create(CultureInfo.InvariantCulture, $"\\u{{{value:x}}}"),
    };
}
