using Faith.Engine;
using Faith.Kernels.Gpu;

namespace Faith.Cli;

/// <summary>What a command writes to and when it must stop.</summary>
/// <param name="output">Results and tables.</param>
/// <param name="error">Progress and errors.</param>
/// <param name="isOutputTerminal">True when a person reads <paramref name="output"/> as it comes.</param>
/// <param name="isErrorTerminal">The same of <paramref name="error"/>; there is progress only then (<see cref="ShowsProgress"/>).</param>
/// <param name="cancellation">Set by Ctrl-C.</param>
internal sealed class CommandContext(TextWriter output, TextWriter error, bool isOutputTerminal, bool isErrorTerminal, CancellationToken cancellation)
{
    private const int LongestMessage = 1000;

    /// <summary>Nothing can be laid out in fewer columns, and what tries never comes to an end: a narrower terminal breaks the lines of this length.</summary>
    public const int LeastWidth = 20;

    public PlainWriter Output { get; } = new(output);
    public PlainWriter Error { get; } = new(error, LongestMessage);
    public bool IsOutputTerminal { get; } = isOutputTerminal;
    public CancellationToken Cancellation { get; } = cancellation;

    /// <summary>Columns of the terminal that <see cref="Output"/> is, at least <see cref="LeastWidth"/>, or null where lines may have any length.</summary>
    public int? Width { get; init => field = AtLeast(value); } = isOutputTerminal ? AtLeast(ConsoleWidth()) : null;

    /// <summary>True where progress can be drawn: <see cref="Error"/> is a terminal of <see cref="LeastWidth"/> columns or more.</summary>
    public bool ShowsProgress { get; init; } = isErrorTerminal && ConsoleWidth() >= LeastWidth;

    /// <summary>The GPUs to choose from; null: those of the installed driver.</summary>
    public GpuProbes? Gpus { get; init; }

    /// <summary>What is left of a command that was stopped.</summary>
    public string WhenCancelled { get; set; } = "nothing was written";

    /// <summary>Takes lines for <see cref="Error"/> while something is drawn there; null otherwise.</summary>
    public Action<string>? WriteAbove { get; set; }

    /// <summary>Writes a line of results while a run goes on.</summary>
    public void Say(string line)
    {
        if (WriteAbove is { } above) above(PlainText.Line(line));
        else Output.WriteLine(line);
    }

    /// <summary>Says something about a run that goes on.</summary>
    public void Note(string line)
    {
        var message = Error.Clean($"faith: {line}");
        if (WriteAbove is { } above) above(message);
        else Error.WriteLine(message);
    }

    private static int? AtLeast(int? width) => width is { } columns ? Math.Max(columns, LeastWidth) : null;

    private static int ConsoleWidth()
    {
        const int unknown = 80;
        try
        {
            return Console.WindowWidth is var width and > 0 ? width : unknown;
        }
        catch (IOException)
        {
            return unknown;
        }
    }
}
