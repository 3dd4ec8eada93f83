using System.CommandLine;
using System.CommandLine.Parsing;

namespace Faith.Cli;

/// <summary>What a path on the command line is for.</summary>
internal enum PathRole
{
    /// <summary>A file that is read.</summary>
    Input,
    /// <summary>A file that is read, or the name of a built-in task.</summary>
    Data,
    /// <summary>A model's directory, or the name of a shipped one or of a repository.</summary>
    Model,
    /// <summary>A file that is written.</summary>
    Output,
    /// <summary>A folder that results are written to.</summary>
    Folder,
}

/// <summary>A symbol of the command line whose values are paths: <see cref="Outputs"/> finds them by it.</summary>
internal interface IPaths
{
    /// <summary>What they are for.</summary>
    PathRole Role { get; }

    /// <summary>How a message names the symbol.</summary>
    string Name { get; }

    /// <summary>Those given, or the default.</summary>
    IEnumerable<string> In(ParseResult parse);
}

/// <summary>An option that takes a path.</summary>
internal class PathOption : Option<string>, IPaths
{
    public PathOption(string name, PathRole role, string description, bool required = false) : base(name)
    {
        (Role, Description, Required) = (role, description, required);
        HelpName = role switch { PathRole.Data => "D", PathRole.Model => "M", PathRole.Folder => "DIR", _ => "FILE" };
        Validators.Add(result => PathRules.RefuseEmpty(result, result.Tokens, name));
    }

    public PathRole Role { get; }

    public IEnumerable<string> In(ParseResult parse) => parse.GetValue(this) is { } path ? [path] : [];
}

/// <summary>An argument of files that are read.</summary>
internal sealed class FilesArgument : Argument<string[]>, IPaths
{
    public FilesArgument(string name, string help, string description, int most) : base(name)
    {
        (HelpName, Description, Arity) = (help, description, new ArgumentArity(1, most));
        CustomParser = result => [.. result.Tokens.Select(token => token.Value)];
        Validators.Add(result => PathRules.RefuseEmpty(result, result.Tokens, name));
    }

    public PathRole Role => PathRole.Input;

    public IEnumerable<string> In(ParseResult parse) => parse.GetValue(this) ?? [];
}

/// <summary>What holds of every path.</summary>
internal static class PathRules
{
    public static void RefuseEmpty(SymbolResult result, IReadOnlyList<Token> tokens, string name)
    {
        if (tokens.Any(token => token.Value.Length == 0)) result.AddError($"{name} was given an empty name");
        else if (tokens.Any(token => token.Value.Contains('\0', StringComparison.Ordinal))) result.AddError($"{name} was given a name with a null character");
    }
}
