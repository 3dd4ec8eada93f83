using System.Text.Unicode;

namespace Faith.Engine.Data;

/// <summary>
/// What must hold of every line of a data set, whatever its format. Asked as the lines come in, so that a stream which is no text, or has no
/// lines, is left where that shows.
/// </summary>
/// <param name="path">The file, for messages.</param>
internal sealed class DataLines(string path)
{
    // An example fits a context; the reader of JSON takes twelve bytes for every two of a line.
    private const int Longest = 32 << 20;

    private int line = 1;

    /// <summary>Checks the next lines, which end with a line feed but for the last of the file.</summary>
    /// <exception cref="InputException">One is too long or no UTF-8.</exception>
    public void Check(ReadOnlySpan<byte> lines)
    {
        // Almost always nothing is wrong with them, and all are looked at together.
        if (lines.Length <= Longest && Utf8.IsValid(lines))
        {
            line += lines.Count((byte)'\n');
            return;
        }
        while (!lines.IsEmpty)
        {
            var end = lines.IndexOf((byte)'\n');
            var one = end < 0 ? lines : lines[..end];
            CheckBegun(one.Length);
            if (!Utf8.IsValid(one)) throw Error("is not valid UTF-8");
            line++;
            lines = end < 0 ? default : lines[(end + 1)..];
        }
    }

    /// <summary>Checks a line of which so much is known.</summary>
    /// <exception cref="InputException">It is too long already.</exception>
    public void CheckBegun(long length)
    {
        if (length > Longest) throw Error($"is longer than {Longest >> 20} MiB, which is no example; JSONL has one object a line, and CSV a row");
    }

    private InputException Error(string message) => new($"{path}, line {line}: {message}");
}
