using System.CommandLine;
using Faith.Engine;
using Faith.Engine.Circuits;

namespace Faith.Cli;

/// <summary>The options that say how edges are selected.</summary>
internal static class SelectionOptions
{
    public static Option<string> Select() => new ChoiceOption("--select", "how edges are selected", "top", SelectionMethods.All.Keys);

    public static Option<double?> Negative() => OptionKinds.OptionalNumber("--negative", "share", "with --select ratio: the share of edges with scores below 0; 0.2 unless given", x => x is >= 0 and <= 1, "a number from 0 to 1");

    /// <summary>The method that the arguments give settings of its own; null where they give none.</summary>
    /// <exception cref="InputException">The method has no such setting.</exception>
    public static SelectionMethod? Method(ParseResult parse, string select, Option<double?> negative)
    {
        if (parse.GetValue(negative) is not { } share) return null;
        return select == SelectionMethods.RatioName ? SelectionMethods.Ratio(share) : throw new InputException($"--negative needs --select {SelectionMethods.RatioName}");
    }

    public static Option<bool> Signed() => new("--signed") { Description = "rank by score instead of by its size: only edges that help" };
}
