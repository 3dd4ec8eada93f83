using System.Globalization;
using System.Text;

namespace Faith.Engine.Data;

/// <summary>Text from a file inside a one-line message.</summary>
internal static class OneLine
{
    private const int Longest = 60;

    /// <summary>The text in double quotes; what would break or blur the line is escaped as in JSON, and a long text is cut.</summary>
    public static string Quote(string text)
    {
        var length = text.Length <= Longest ? text.Length : char.IsHighSurrogate(text[Longest - 1]) ? Longest - 1 : Longest;
        return $"\"{Escape(text[..length].Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal))}{(length < text.Length ? "…" : "")}\"";
    }

    /// <summary>The text with line breaks and control characters escaped as in JSON.</summary>
    public static string Escape(string text)
    {
        var line = new StringBuilder(text.Length);
        foreach (var c in text)
        {
            _ = c switch
            {
                '\n' => line.Append("\\n"),
                '\r' => line.Append("\\r"),
                '\t' => line.Append("\\t"),
                _ when char.IsControl(c) || c is '\u2028' or '\u2029' => line.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => line.Append(c),
            };
        }
        return line.ToString();
    }
}
