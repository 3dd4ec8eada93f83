using System.Globalization;
using System.Text;
using Faith.Engine;

namespace Faith.Cli;

/// <summary>
/// Standard output or standard error as commands see it: the one place where text reaches a terminal. Whatever is in a line, it stays that line:
/// line breaks, escape sequences and hidden characters within it are escaped (<see cref="PlainText"/>). Only <see cref="WriteLine()"/>,
/// the ends of lines and <see cref="WriteText"/> make new ones.
/// </summary>
/// <param name="stream">Where everything goes.</param>
/// <param name="longest">Most characters of a line, or null; of a longer one the middle is left out, as its ends name the place and the remedy.</param>
internal sealed class PlainWriter(TextWriter stream, int? longest = null) : TextWriter(CultureInfo.InvariantCulture)
{
    private const int EndShown = 300;
    private const string LeftOut = " … ";

    /// <summary>The stream itself, for what draws with escape sequences of its own (tables, bars, help) out of clean text.</summary>
    public TextWriter Stream => stream;

    /// <inheritdoc/>
    public override Encoding Encoding => stream.Encoding;

    /// <summary>A line as it is written: clean and not too long.</summary>
    public string Clean(string line)
    {
        var clean = PlainText.Line(line);
        if (longest is not { } most || clean.Length <= most) return clean;
        var (begin, end) = (most - EndShown - LeftOut.Length, clean.Length - EndShown);
        // A pair of surrogates goes whole.
        if (char.IsHighSurrogate(clean[begin - 1])) begin--;
        if (char.IsLowSurrogate(clean[end])) end++;
        return $"{clean.AsSpan(0, begin)}{LeftOut}{clean.AsSpan(end)}";
    }

    /// <summary>Text of several lines: its line breaks are breaks, the rest is escaped.</summary>
    public void WriteText(string text) => stream.Write(PlainText.Lines(text));

    /// <inheritdoc/>
    public override void WriteLine() => stream.WriteLine();

    /// <inheritdoc/>
    public override void WriteLine(string? value) => stream.WriteLine(Clean(value ?? ""));

    /// <inheritdoc/>
    public override void Write(string? value) => stream.Write(PlainText.Line(value ?? ""));

    /// <inheritdoc/>
    public override void Write(char value) => Write(value.ToString());

    /// <inheritdoc/>
    public override void Write(char[] buffer, int index, int count) => Write(new string(buffer, index, count));

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<char> buffer) => Write(buffer.ToString());

    /// <inheritdoc/>
    public override void Flush() => stream.Flush();
}
