using System.Text;

namespace Faith.Engine.Data;

/// <summary>
/// A CSV file with a header (RFC 4180: quoted fields, doubled quotes, line breaks inside quotes; LF or CRLF). Rows are read as they are asked
/// for, and no row is read further than the header is wide: what is no table takes no more memory than its bytes.
/// </summary>
internal sealed class CsvTable
{
    private const int MostColumns = 1000;

    private readonly string text;
    private int at;
    private int line = 1;

    /// <summary>Reads the header; blank lines are skipped.</summary>
    /// <exception cref="InputException">Not UTF-8, a broken quote, a column named twice, too many columns.</exception>
    public CsvTable(string source, byte[] file)
    {
        Source = source;
        try
        {
            text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(file.AsSpan().StartsWith("\uFEFF"u8) ? file.AsSpan(3) : file);
        }
        catch (DecoderFallbackException e)
        {
            throw new InputException($"{source}: is not valid UTF-8", e);
        }
        if (NextRow(MostColumns) is not var (begin, fields)) return;
        if (fields.Length > MostColumns) throw Error(begin, $"the header has more than {MostColumns} columns");
        if (fields.GroupBy(f => f).FirstOrDefault(g => g.Count() > 1) is { } twice) throw Error(begin, $"the column {PlainText.Quote(twice.Key)} appears twice");
        Header = fields;
    }

    /// <summary>The file, for messages.</summary>
    public string Source { get; }

    /// <summary>The column names; none when the file is empty.</summary>
    public IReadOnlyList<string> Header { get; } = [];

    /// <summary>The rows that have not been read yet, with the line each begins on, counted from 1; blank lines are skipped.</summary>
    /// <exception cref="InputException">A broken quote, a row of the wrong length.</exception>
    public IEnumerable<(int Line, string[] Fields)> ReadRows()
    {
        while (NextRow(Header.Count) is var (begin, fields))
        {
            if (fields.Length > Header.Count) throw Error(begin, $"the row has more than the {Header.Count} fields of the header");
            if (fields.Length < Header.Count) throw Error(begin, $"the row has {fields.Length} fields and the header {Header.Count}");
            yield return (begin, fields);
        }
    }

    /// <summary>Position of a column, or −1.</summary>
    public int Column(string name)
    {
        for (var i = 0; i < Header.Count; i++)
        {
            if (Header[i] == name) return i;
        }
        return -1;
    }

    /// <summary>An error in a line of the file.</summary>
    public InputException Error(int line, string message) => new($"{Source}, line {line}: {message}");

    private (int Line, string[] Fields)? NextRow(int most)
    {
        while (at < text.Length)
        {
            var begin = line;
            if (ReadRow(most) is not [""] and var fields) return (begin, fields);
        }
        return null;
    }

    /// <summary>Reads up to and including the end of the row, or one field more than most.</summary>
    private string[] ReadRow(int most)
    {
        var fields = new List<string>();
        while (true)
        {
            fields.Add(at < text.Length && text[at] == '"' ? ReadQuoted() : ReadPlain());
            if (at == text.Length || fields.Count > most) return [.. fields];
            if (text[at++] == ',') continue;
            // The character just passed is the line feed: both readers stop at a comma, a line feed or the end only.
            line++;
            return [.. fields];
        }
    }

    private string ReadPlain()
    {
        var length = text.AsSpan(at).IndexOfAny(',', '\n');
        var field = text.AsSpan(at, length < 0 ? text.Length - at : length);
        at += field.Length;
        if (at == text.Length || text[at] == '\n') field = field.TrimEnd('\r');
        // Most other readers would begin a row there.
        if (field.Contains('\r')) throw Error(line, "a carriage return stands alone; save the file with line feeds at the ends of its lines");
        return !field.Contains('"') ? field.ToString() : throw Error(line, "a quote stands inside a field that does not begin with one");
    }

    private string ReadQuoted()
    {
        var begin = line;
        var field = new StringBuilder();
        for (at++; ; at++)
        {
            if (at == text.Length) throw Error(begin, "a quote is not closed");
            if (text[at] == '"')
            {
                at++;
                // Two quotes in a row stand for one; any other ends the field.
                if (at == text.Length || text[at] != '"') break;
            }
            if (text[at] == '\n') line++;
            field.Append(text[at]);
        }
        if (at < text.Length && text[at] == '\r' && (at + 1 == text.Length || text[at + 1] == '\n')) at++;
        return at == text.Length || text[at] is ',' or '\n' ? field.ToString() : throw Error(line, "text follows the closing quote of a field");
    }
}
