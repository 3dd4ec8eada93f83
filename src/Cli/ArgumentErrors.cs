using System.CommandLine;
using System.CommandLine.Parsing;
using Faith.Engine;

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
            if (unknown.StartsWith('-'))
            {
                var options = Visible(command.Options).Select(o => o.Name).ToArray();
                return $"{name} has no option {unknown}; it has {string.Join(", ", options)}{KnownNames.Suggest(unknown, options)}";
            }
            if (command.Subcommands.Count > 0) return NoCommand(command, unknown);
            return $"{name} does not take the argument {unknown}; see {name} --help";
        }
        if (Doubtful(parse) is { } doubtful) return doubtful;
        // A value that does not do says more than what is missing.
        var error = parse.Errors.FirstOrDefault(e => !e.Message.EndsWith("is required.", StringComparison.Ordinal)) ?? parse.Errors[0];
        return $"{error.Message.TrimEnd('.')}; see {name} --help";
    }

    /// <summary>The error for an option that is given again, of which only one would count, or has no value but another option behind it; null where there is none.</summary>
    public static string? Doubtful(ParseResult parse)
    {
        var command = parse.CommandResult.Command;
        foreach (var given in parse.CommandResult.Children.OfType<OptionResult>().Where(given => given.Option.Arity.MinimumNumberOfValues > 0))
        {
            var name = given.Option.Name;
            if (given.Tokens.FirstOrDefault(token => command.Options.Any(option => option.Name == token.Value || option.Aliases.Contains(token.Value))) is { } next) return $"{name} has no value: {next.Value} behind it is an option of {CommandLine(command)} (a file of that name is ./{next.Value})";
            if (given.IdentifierTokenCount > 1 && given.Option.Arity.MaximumNumberOfValues == 1) return $"{name} is given {(given.IdentifierTokenCount == 2 ? "twice" : $"{given.IdentifierTokenCount} times")}; give it once";
            if (given.IdentifierTokenCount > given.Tokens.Count && given.Tokens.Count > 0) return $"a value is missing after {name}; see {CommandLine(command)} --help";
        }
        return null;
    }

    /// <summary>The error for a word that is none of a command's subcommands.</summary>
    public static string NoCommand(Command command, string unknown)
    {
        var commands = Visible(command.Subcommands).Select(c => c.Name).ToArray();
        if (commands.Length == 0) return $"{CommandLine(command)} has no command {unknown}";
        return $"{CommandLine(command)} has no command {unknown}; it has {string.Join(", ", commands)}{KnownNames.Suggest(unknown, commands)}";
    }

    /// <summary>The words that call a command: faith tasks show.</summary>
    private static string CommandLine(Command command) =>
        command is RootCommand ? "faith" : $"{string.Concat(command.Parents.OfType<Command>().Select(CommandLine))} {command.Name}";

    private static IEnumerable<T> Visible<T>(IEnumerable<T> symbols) where T : Symbol => symbols.Where(s => !s.Hidden);
}
