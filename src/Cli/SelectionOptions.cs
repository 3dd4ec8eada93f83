using System.CommandLine;
using Faith.Engine.Circuits;

namespace Faith.Cli;

/// <summary>The options that say how edges are selected.</summary>
internal static class SelectionOptions
{
    public static Option<string> Select() => new ChoiceOption("--select", "how edges are selected", "top", SelectionMethods.All.Keys);

    public static Option<bool> Signed() => new("--signed") { Description = "rank by score instead of by its size: only edges that help" };
}
