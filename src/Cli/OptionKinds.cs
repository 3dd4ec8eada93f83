using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Faith.Engine;

namespace Faith.Cli;

/// <summary>Kinds of options, each with one form of message for a value that does not do.</summary>
internal static class OptionKinds
{
    /// <summary>An option that must be given.</summary>
    public static Option<string> Required(string name, string help, string description) =>
        new(name) { Description = description, HelpName = help, Required = true };

    /// <summary>An option that may be left out; null then.</summary>
    public static Option<string?> Optional(string name, string help, string description) =>
        new(name) { Description = description, HelpName = help };

    /// <summary>A whole number in a range.</summary>
    public static Option<int> Integer(string name, string description, int fallback, int least, int most) => new(name)
    {
        Description = description,
        HelpName = "N",
        DefaultValueFactory = _ => fallback,
        CustomParser = result => ParseInteger(result, name, least, most),
    };

    /// <summary>A whole number in a range that may be left out.</summary>
    public static Option<int?> OptionalInteger(string name, string description, int least, int most) => new(name)
    {
        Description = description,
        HelpName = "N",
        CustomParser = result => ParseInteger(result, name, least, most),
    };

    /// <summary>A whole number in a range that starts above 0 and may be left out, or 0 for <paramref name="word"/>; without a word a number only.</summary>
    public static Option<int?> IntegerOr(string? word, string name, string description, int least, int most) => new(name)
    {
        Description = description,
        HelpName = word is null ? "N" : $"N|{word}",
        CustomParser = result => word is not null && KnownNames.Find(result.Tokens[0].Value, [word]) is not null ? 0 : ParseInteger(result, name, least, most),
    };

    /// <summary>A finite number for which <paramref name="accepts"/> holds, and that may be left out.</summary>
    /// <param name="rule">What the number must be, for the message: "above 0".</param>
    public static Option<double?> OptionalNumber(string name, string help, string description, Func<double, bool> accepts, string rule) => new(name)
    {
        Description = description,
        HelpName = help,
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value) && accepts(value)) return value;
            result.AddError($"{name} must be {rule}, not {Shown(text)}");
            return null;
        },
    };

    /// <summary>Positive numbers that rise, separated by commas; null or empty when left out.</summary>
    public static Option<double[]> OptionalRisingNumbers(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "0.01,0.1,…",
        Arity = ArgumentArity.ExactlyOne,
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            var values = text.Split(',').Select(part => double.TryParse(part, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value : double.NaN).ToArray();
            if (values.All(double.IsFinite) && values.Prepend(0).Zip(values).All(pair => pair.Second > pair.First)) return values;
            result.AddError($"{name} must be numbers above 0 that rise, separated by commas, not {Shown(text)}");
            return [];
        },
    };

    /// <summary>The message for a value that is none of the known ones.</summary>
    public static string Unknown(string option, string value, IReadOnlyCollection<string> known) => $"{option} {Shown(value)} is not known; known: {string.Join(", ", known)}{KnownNames.Suggest(value, known)}";

    /// <summary>A value in a message: an empty one would not be seen.</summary>
    public static string Shown(string value) => value.Length > 0 ? value : "''";

    private static int ParseInteger(ArgumentResult result, string name, int least, int most)
    {
        var text = result.Tokens[0].Value;
        if (int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most) return value;
        result.AddError($"{name} must be a whole number {(most == int.MaxValue ? $"of {least} or more" : $"from {least} to {most}")}, not {Shown(text)}");
        return least;
    }
}
