using System.CommandLine;

namespace Faith.Cli;

/// <summary>One line for what is wrong with the arguments.</summary>
internal static class ArgumentErrors
{
    /// <summary>The error to report. A word that nothing knows comes first: a misspelt option is also a missing one.</summary>
    public static string FirstOf(ParseResult parse)
    {
        var command = parse.CommandResult.Command;
        var name = CommandLine(command);
        if (parse.UnmatchedTokens is [var unknown, ..])
        {
            if (unknown.StartsWith('-')) return $"{name} has no option {unknown}; it has {string.Join(", ", Visible(command.Options).Select(o => o.Name))}";
            if (command.Subcommands.Count > 0) return $"{name} has no command {unknown}; it has {string.Join(", ", Visible(command.Subcommands).Select(c => c.Name))}";
            return $"{name} does not take the argument {unknown}; see {name} --help";
        }
        return $"{parse.Errors[0].Message.TrimEnd('.')}; see {name} --help";
    }

    /// <summary>The words that call a command: faith tasks show.</summary>
    private static string CommandLine(Command command) =>
        command is RootCommand ? "faith" : $"{string.Concat(command.Parents.OfType<Command>().Select(CommandLine))} {command.Name}";

    private static IEnumerable<T> Visible<T>(IEnumerable<T> symbols) where T : Symbol => symbols.Where(s => !s.Hidden);
}
