
namespace Faith.Engine.Reports;

/// <summary>Text from outside within Markdown.</summary>
public static class Markdown
{
    /// <summary>A name as a code span of one line, in which nothing is a heading, a link or HTML.</summary>
    public static string Code(string name)
    {
        var text = PlainText.Line(name);
        // A span ends at as many backticks as it began with; a space keeps those of the text apart from its own.
        var fence = "`";
        while (text.Contains(fence, StringComparison.Ordinal)) fence += "`";
        return fence.Length > 1 ? $"{fence} {text} {fence}" : $"{fence}{text}{fence}";
    }
}
