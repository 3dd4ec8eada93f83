using Faith.Engine;
using Spectre.Console;

namespace Faith.Cli;

/// <summary>A table on the output: drawn on a terminal, aligned columns of plain text in a file or pipe.</summary>
/// <param name="headers">Titles of the columns; a leading '&gt;', not shown, sets a column of numbers flush right.</param>
internal sealed class TextTable(params string[] headers)
{
    private readonly string[] headers = [.. headers.Select(PlainText.Line)];
    private readonly List<string[]> rows = [];

    public void Add(params string[] cells)
    {
        if (cells.Length != headers.Length) throw new ArgumentException($"{cells.Length} cells for {headers.Length} columns", nameof(cells));
        rows.Add([.. cells.Select(PlainText.Line)]);
    }

    public void Write(CommandContext context)
    {
        var least = LeastWidths();
        if (!context.IsOutputTerminal) WritePlain(context.Output);
        else if (context.Width is { } width && WidthOf(least) > width) WriteEntries(context.Output, width);
        else Draw(context, least);
    }

    private void Draw(CommandContext context, int[] least)
    {
        var table = new Table { Border = TableBorder.Rounded };
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(context.Output.Stream) });
        if (context.Width is { } width) console.Profile.Width = width;
        // What is left of the terminal goes to the columns that need more for their lines than for their words, the first first.
        var left = (context.Width ?? int.MaxValue) - WidthOf(least);
        for (var i = 0; i < headers.Length; i++)
        {
            var column = new TableColumn(Markup.Escape(Title(headers[i])));
            if (IsNumber(headers[i])) column.RightAligned().NoWrap();
            var more = Math.Min(left, Cells(i).Max(cell => cell.Length) - least[i]);
            left -= more;
            table.AddColumn(column.Width(least[i] + more));
        }
        foreach (var row in rows) table.AddRow([.. row.Select(Markup.Escape)]);
        console.Write(table);
    }

    private IEnumerable<string> Cells(int column) => rows.Select(row => row[column]).Append(Title(headers[column]));

    /// <summary>What every column needs at least: numbers whole, text its longest word.</summary>
    private int[] LeastWidths() => [.. headers.Select((header, i) => Cells(i).Max(cell => IsNumber(header) ? cell.Length : cell.Split(' ').Max(word => word.Length)))];

    private static int WidthOf(int[] columns) => 1 + columns.Sum(column => column + 3); // a line before, between and after; a space at either side

    // Where the columns do not fit beside each other, a row is an entry: a line for each of its cells, wrapped at words.
    private void WriteEntries(PlainWriter output, int width)
    {
        foreach (var row in rows)
        {
            for (var column = 0; column < headers.Length; column++)
            {
                if (row[column].Length == 0) continue;
                var line = column == 0 ? "" : "  ";
                foreach (var word in $"{Title(headers[column])}: {row[column]}".Split(' '))
                {
                    if (line.TrimStart().Length > 0 && line.Length + 1 + word.Length > width)
                    {
                        output.WriteLine(line);
                        line = "    ";
                    }
                    line += line.TrimStart().Length > 0 ? $" {word}" : word;
                }
                output.WriteLine(line);
            }
        }
    }

    private void WritePlain(TextWriter output)
    {
        string[][] lines = [[.. headers.Select(Title)], .. rows];
        var widths = headers.Select((_, column) => lines.Max(line => line[column].Length)).ToArray();
        foreach (var line in lines)
        {
            var cells = line.Select((cell, column) => IsNumber(headers[column]) ? cell.PadLeft(widths[column]) : cell.PadRight(widths[column]));
            output.WriteLine(string.Join("  ", cells).TrimEnd());
        }
    }

    private static bool IsNumber(string header) => header.StartsWith('>');

    private static string Title(string header) => header.TrimStart('>');
}
