using System.CommandLine;
using Faith.Engine;

namespace Faith.Cli;

/// <summary>Commands and options in any case: `faith Attribute --Model m`.</summary>
internal static class ArgumentCase
{
    /// <summary>The arguments with the names of commands and options as they are declared; what nothing knows stays.</summary>
    public static string[] Normalise(Command root, string[] args)
    {
        string[] named = [.. args];
        var (command, next) = (root, 0);
        while (next < named.Length && KnownNames.Find(named[next], command.Subcommands.Select(c => c.Name)) is { } name)
        {
            named[next++] = name;
            command = command.Subcommands.First(c => c.Name == name);
        }
        for (; next < named.Length && named[next] != "--"; next++)
        {
            var (given, value) = named[next].IndexOf('=') is var at and > 0 ? (named[next][..at], named[next][at..]) : (named[next], "");
            if (!given.StartsWith("--", StringComparison.Ordinal) || KnownNames.Find(given, command.Options.Concat(root.Options).Select(o => o.Name).Distinct()) is not { } name) continue;
            named[next] = name + value;
            // What follows an option that takes a value is that value, whatever it looks like.
            if (value.Length == 0 && command.Options.FirstOrDefault(o => o.Name == name) is { Arity.MinimumNumberOfValues: > 0 }) next++;
        }
        return named;
    }
}
