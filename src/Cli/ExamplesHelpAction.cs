using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Faith.Cli;

/// <summary>The usual help, then examples.</summary>
/// <param name="help">The usual help.</param>
/// <param name="rootExamples">Examples of a command without its own.</param>
internal sealed class ExamplesHelpAction(HelpAction help, IReadOnlyList<string> rootExamples) : SynchronousCommandLineAction
{
    /// <inheritdoc/>
    public override bool ClearsParseErrors => true;

    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        var code = help.Invoke(parseResult);
        var output = parseResult.InvocationConfiguration.Output;
        output.WriteLine("Examples:");
        foreach (var example in (parseResult.CommandResult.Command as FaithCommand)?.Examples ?? rootExamples) output.WriteLine($"  {example}");
        output.WriteLine();
        return code;
    }
}
