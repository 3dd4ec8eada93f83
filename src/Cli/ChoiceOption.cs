using System.CommandLine;
using System.CommandLine.Parsing;
using Faith.Engine;

namespace Faith.Cli;

/// <summary>An option that takes one of some names.</summary>
internal sealed class ChoiceOption : Option<string>
{
    private readonly string fallback;
    private readonly string[] known;

    public ChoiceOption(string name, string description, string fallback, IEnumerable<string> known) : base(name)
    {
        (this.fallback, this.known) = (fallback, [.. known]);
        Description = $"{description}: {string.Join(", ", this.known)}";
        HelpName = name.TrimStart('-');
        DefaultValueFactory = _ => fallback;
        CustomParser = result =>
        {
            var value = result.Tokens[0].Value;
            if (KnownNames.Find(value, this.known) is { } meant) return meant;
            result.AddError(OptionKinds.Unknown(name, value, this.known));
            return value;
        };
    }

    /// <summary>The name that the arguments give or leave, for checks of several options; null for one that is not known, of which the option itself says so.</summary>
    public string? In(CommandResult result) => result.GetResult(this)?.Tokens is [var name, ..] ? KnownNames.Find(name.Value, known) : fallback;
}
