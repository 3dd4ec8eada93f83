using System.CommandLine;
using System.CommandLine.Parsing;
using Faith.Engine;
using Faith.Engine.Compatibility;

namespace Faith.Cli;

/// <summary>`--compat`: makes every choice as another source of numbers does.</summary>
internal static class CompatibilityOption
{
    /// <summary>The option; null when left out.</summary>
    public static Option<string?> Create() => new("--compat")
    {
        Description = $"make every choice as a source of published numbers does: {string.Join(", ", CompatibilityMode.All.Select(m => m.Name))}",
        HelpName = "source",
        CustomParser = result =>
        {
            var name = result.Tokens[0].Value;
            string[] known = [.. CompatibilityMode.All.Select(m => m.Name)];
            if (KnownNames.Find(name, known) is { } meant) return meant;
            result.AddError(OptionKinds.Unknown("--compat", name, known));
            return name;
        },
    };

    /// <summary>The name that the arguments give, for checks of them; null where there is none or it is not known.</summary>
    public static string? Given(SymbolResult result, Option<string?> option) =>
        result.GetResult(option)?.Tokens is [var name] ? KnownNames.Find(name.Value, CompatibilityMode.All.Select(m => m.Name)) : null;

    /// <summary>The mode that was asked for, or null.</summary>
    public static CompatibilityMode? Read(ParseResult parse, Option<string?> option) => parse.GetValue(option) is { } name ? CompatibilityMode.Find(name) : null;

    /// <summary>How edges are selected: what the mode pins, else what was asked for.</summary>
    /// <exception cref="InputException">Something else than what is pinned was asked for.</exception>
    public static (string Select, bool Signed) Selection(ParseResult parse, CompatibilityMode? mode, Option<string> select, Option<bool> signed)
    {
        var (name, bySign) = (parse.GetRequiredValue(select), parse.GetValue(signed));
        if (mode?.Select is { } pinned)
        {
            if (parse.GetResult(select) is { Implicit: false } && name != pinned) throw new InputException($"--compat {mode.Name} selects with {pinned}; leave --select out");
            name = pinned;
        }
        if (mode?.Signed is { } ranked)
        {
            if (bySign && !ranked) throw new InputException($"--compat {mode.Name} ranks by the size of the score; leave --signed out");
            bySign = ranked;
        }
        return (name, bySign);
    }
}
