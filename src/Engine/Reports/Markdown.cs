using System.Text;
using System.Text.RegularExpressions;

namespace Faith.Engine.Reports;

/// <summary>Text from outside within Markdown.</summary>
public static partial class Markdown
{
    // What Markdown may read as something else than text; other punctuation only where it begins a line.
    private const string Marks = "\\`*_{}[]<>|#!&~$";

    /// <summary>
    /// A text as it stands, on one line, in which nothing is markup: in a paragraph, a list or a cell of a table, whose border a bar would be.
    /// </summary>
    public static string Text(string text)
    {
        var escaped = new StringBuilder();
        var begins = true;
        foreach (var c in PlainText.Line(text))
        {
            if (Marks.Contains(c, StringComparison.Ordinal) || (begins && char.IsAscii(c) && (char.IsPunctuation(c) || char.IsSymbol(c)))) escaped.Append('\\');
            escaped.Append(c);
            begins &= char.IsWhiteSpace(c);
        }
        return NumberOfAList().Replace(escaped.ToString(), @"$1\$2");
    }

    /// <summary>A name as a code span of one line, in which nothing is a heading, a link or HTML.</summary>
    public static string Code(string name)
    {
        var text = PlainText.Line(name);
        // A span ends at as many backticks as it began with; a space keeps those of the text apart from its own.
        var fence = "`";
        while (text.Contains(fence, StringComparison.Ordinal)) fence += "`";
        return fence.Length > 1 ? $"{fence} {text} {fence}" : $"{fence}{text}{fence}";
    }

    [GeneratedRegex(@"^(\s*[0-9]+)([.)])(?=\s|$)")]
    private static partial Regex NumberOfAList();
}
