using System.Globalization;

namespace Faith.Engine.Data;

/// <summary>
/// Spans in the columns of a CSV file, as the data of PEAP have them (Haklay et al. 2025, arXiv 2502.04577): a column called like a span holds the position where it begins, the begin
/// token being position 0; it ends where the span of the next column begins, and the last at the number in the column `length`.
/// </summary>
internal sealed class CsvSpans
{
    private const string Length = "length";
    // What other columns are called that may stand before those of the spans, or what such names end in after _.
    private static readonly string[] Others = ["id", "idx", "token", "prompt", "clean", "corrupted", "answers", "distractors", "label", "plural", "split"];

    private readonly CsvTable table;
    private readonly int[] columns;

    private CsvSpans(CsvTable table, int[] columns) => (this.table, this.columns) = (table, columns);

    /// <summary>The columns that were named, or else those before `length`; null where there are none.</summary>
    /// <exception cref="InputException">A column that was named is not there, or one name is no list.</exception>
    public static CsvSpans? Of(CsvTable table, PromptColumns? named)
    {
        if (named is not null && named.Spans != PromptColumns.Default.Spans)
        {
            var names = named.Spans.Split(':');
            if (names.Length < 2) throw new InputException($"{table.Source}, line 1: spans={PlainText.Short(named.Spans)} in --columns must list the columns where spans begin and last that of the end, as in spans=IO:S1:length");
            if (names.FirstOrDefault(name => table.Column(name) < 0) is { } missing) throw new InputException($"{table.Source}, line 1: there is no column {PlainText.Quote(missing)}; there are {PlainText.Short(string.Join(", ", table.Header), 200)}");
            return new(table, [.. names.Select(table.Column)]);
        }
        var end = table.Column(Length);
        var first = end;
        while (first > 0 && table.Header[first - 1] is { Length: > 0 } name && !Others.Any(other => name == other || name.EndsWith($"_{other}", StringComparison.Ordinal))) first--;
        return end < 0 || first == end ? null : new(table, [.. Enumerable.Range(first, end - first + 1)]);
    }

    /// <summary>The spans of a row.</summary>
    public PromptSpan[] Read(int line, string[] fields)
    {
        int[] starts = [.. columns.Select(column => int.TryParse(fields[column], NumberStyles.None, CultureInfo.InvariantCulture, out var start) ? start
            : throw table.Error(line, $"{PlainText.Quote(fields[column])} in \"{PlainText.Short(table.Header[column])}\" is not the position of a token, where a span begins"))];
        return [.. starts.SkipLast(1).Select((start, i) => new PromptSpan(table.Header[columns[i]], start - 1, starts[i + 1] - 1))];
    }
}
