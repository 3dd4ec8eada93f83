using System.Text.Json;

namespace Faith.Engine.Data;

/// <summary>
/// The rows of a JSONL file, one object a line, blank lines ignored; or of a file that is one JSON list of objects; or of a Parquet file. Every line of
/// text has been through <see cref="DataLines"/>.
/// </summary>
internal static class JsonRows
{
    /// <summary>The rows, read as they are asked for.</summary>
    /// <exception cref="InputException">The file is of none of these forms.</exception>
    public static IEnumerable<JsonRow> Read(string source, byte[] file, CancellationToken cancellation)
    {
        if (ParquetRows.AreIn(file)) return ParquetRows.Read(source, file, cancellation);
        var start = file.AsSpan().StartsWith("\uFEFF"u8) ? 3 : 0;
        return file.AsSpan(start).TrimStart(" \t\r\n"u8) is [(byte)'[', ..] ? ReadList(source, file, start) : ReadLines(source, file, start);
    }

    private static IEnumerable<JsonRow> ReadLines(string source, byte[] file, int start)
    {
        var isFirst = true;
        for (var line = 1; start < file.Length; line++)
        {
            var length = file.AsSpan(start).IndexOf((byte)'\n');
            var end = length < 0 ? file.Length : start + length;
            var row = new JsonRow(source, $"line {line}", file.AsMemory(start, end - start), IsLine: true);
            var rest = file.AsMemory(start);
            start = end + 1;
            if (row.Content.Span.Trim(" \t\r"u8).IsEmpty) continue;
            // Only the first line tells.
            if (isFirst && GoesOnBelow(row.Content.Span, rest.Span)) throw row.Error("is JSON over several lines; JSONL has one object a line (jq -c . data.json > data.jsonl)");
            isFirst = false;
            yield return row;
        }
    }

    // An object that is JSON laid out for people.
    private static bool GoesOnBelow(ReadOnlySpan<byte> line, ReadOnlySpan<byte> rest)
    {
        if (rest.Length == line.Length || IsWhole(line)) return false;
        return line.Trim(" \t\r"u8) is [(byte)'{'] || IsWhole(rest);
    }

    private static bool IsWhole(ReadOnlySpan<byte> json)
    {
        try
        {
            var reader = new Utf8JsonReader(json);
            while (reader.Read()) { }
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static IEnumerable<JsonRow> ReadList(string source, byte[] file, int start)
    {
        var (state, line, number) = (new JsonReaderState(), 1, 0);
        while (Next(source, file, ref start, ref state, ref line) is { } element)
        {
            yield return new JsonRow(source, $"example {++number}, line {element.Line}", element.Content);
        }
    }

    // The next element of the list; null behind the last.
    private static (ReadOnlyMemory<byte> Content, int Line)? Next(string source, byte[] file, ref int start, ref JsonReaderState state, ref int line)
    {
        var reader = new Utf8JsonReader(file.AsSpan(start), isFinalBlock: true, state);
        try
        {
            while (reader.Read())
            {
                if (reader.CurrentDepth == 0) continue;
                var begin = (int)reader.TokenStartIndex;
                reader.Skip();
                var end = (int)reader.BytesConsumed;
                var content = file.AsMemory(start + begin, end - begin);
                var at = line + file.AsSpan(start, begin).Count((byte)'\n');
                line += file.AsSpan(start, end).Count((byte)'\n');
                (start, state) = (start + end, reader.CurrentState);
                return (content, at);
            }
            return null;
        }
        catch (JsonException e)
        {
            // The state counts lines from the start of the file.
            var wrong = (int)(e.LineNumber ?? 0) + 1;
            throw JsonRow.Malformed(source, $"line {wrong}", LineOf(file, wrong), e);
        }
    }

    private static ReadOnlySpan<byte> LineOf(ReadOnlySpan<byte> file, int line)
    {
        for (; line > 1 && file.IndexOf((byte)'\n') is >= 0 and var feed; line--) file = file[(feed + 1)..];
        return file.IndexOf((byte)'\n') is >= 0 and var end ? file[..end] : file;
    }
}
