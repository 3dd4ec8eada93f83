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
        if (context.IsOutputTerminal) Draw(context);
        else WritePlain(context.Output);
    }

    private void Draw(CommandContext context)
    {
        var table = new Table { Border = TableBorder.Rounded };
        foreach (var header in headers)
        {
            var column = new TableColumn(Markup.Escape(Title(header)));
            table.AddColumn(IsNumber(header) ? column.RightAligned() : column);
        }
        foreach (var row in rows) table.AddRow([.. row.Select(Markup.Escape)]);
        AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(context.Output.Stream) }).Write(table);
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
