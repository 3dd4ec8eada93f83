using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Faith.Cli;

/// <summary>The usual help, then examples.</summary>
/// <param name="help">The usual help.</param>
/// <param name="rootExamples">Examples of a command without its own.</param>
/// <param name="width">Columns of the terminal, or null for lines of any length.</param>
internal sealed class ExamplesHelpAction(HelpAction help, IReadOnlyList<string> rootExamples, int? width) : SynchronousCommandLineAction
{
    /// <inheritdoc/>
    public override bool ClearsParseErrors => true;

    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        var code = help.Invoke(parseResult);
        var output = parseResult.InvocationConfiguration.Output;
        output.WriteLine("Examples:");
        foreach (var example in (parseResult.CommandResult.Command as FaithCommand)?.Examples ?? rootExamples) Write(output, example);
        output.WriteLine();
        return code;
    }

    // On several lines it is still a command line that a shell takes.
    private void Write(TextWriter output, string example)
    {
        const string indent = "  ", more = "    ", goesOn = " \\";
        var line = indent;
        foreach (var word in example.Split(' '))
        {
            var isFirst = line is indent or more;
            if (!isFirst && width is { } most && line.Length + 1 + word.Length + goesOn.Length > most)
            {
                output.WriteLine($"{line}{goesOn}");
                (line, isFirst) = (more, true);
            }
            line += isFirst ? word : $" {word}";
        }
        output.WriteLine(line);
    }
}
