using System.CommandLine;
using Faith.Engine;
using Faith.Engine.Circuits;
using Faith.Engine.Compatibility;
using Faith.Engine.Graphs;
using Faith.Engine.ScoreFiles;

namespace Faith.Cli;

/// <summary>The options that say how edges are selected.</summary>
internal sealed class SelectionOptions
{
    private readonly Option<double?> negative = OptionKinds.OptionalNumber("--negative", "share", $"with --select {SelectionMethods.RatioName}: the share of edges with scores below 0; 0.2 unless given", x => x is >= 0 and <= 1, "a number from 0 to 1");
    private readonly PathOption? intervals;

    /// <summary>The options of a command that selects from scores of its own.</summary>
    /// <param name="names">The selections that it offers.</param>
    /// <param name="ofFile">True for one that selects from the scores of a file: where edges must be certain, another file says which are.</param>
    public SelectionOptions(IEnumerable<string> names, bool ofFile = false)
    {
        Select = new ChoiceOption("--select", "how edges are selected", SelectionMethods.TopName, [.. names]);
        if (ofFile) intervals = new("--intervals", PathRole.Input, $"with --select {SelectionMethods.StableName}: the intervals of the edges, as faith stability --json writes them");
    }

    /// <summary>The selection.</summary>
    public Option<string> Select { get; }

    /// <summary>The ranking.</summary>
    public Option<bool> Signed { get; } = new("--signed") { Description = "rank by score instead of by its size: only edges that help" };

    /// <summary>All of them.</summary>
    public IReadOnlyList<Option> All => [Select, Signed, .. Settings];

    /// <summary>Those that are of one selection each.</summary>
    public IReadOnlyList<Option> Settings => intervals is null ? [negative] : [negative, intervals];

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in All) command.Add(option);
    }

    /// <summary>What the arguments ask for, of a command that selects from scores of its own.</summary>
    /// <exception cref="InputException">A setting is of another selection.</exception>
    public (EdgeSelection Selection, bool Signed) Read(ParseResult parse) => (Read(parse, parse.GetRequiredValue(Select)), parse.GetValue(Signed));

    /// <summary>The same of one that selects from a file.</summary>
    /// <param name="mode">Pins choices; null: none.</param>
    /// <param name="graph">The graph of the scores.</param>
    /// <param name="scores">Their file.</param>
    /// <exception cref="InputException">A setting is of another selection, or the intervals are missing or of another graph.</exception>
    public (EdgeSelection Selection, bool Signed) Read(ParseResult parse, CompatibilityMode? mode, ModelGraph graph, string scores)
    {
        var (name, signed) = CompatibilityOption.Selection(parse, mode, Select, Signed);
        var (selection, path) = (Read(parse, name), parse.GetValue(intervals!));
        if (name != SelectionMethods.StableName) return path is null ? (selection, signed) : throw new InputException($"{intervals!.Name} needs {Select.Name} {SelectionMethods.StableName}");
        if (path is null) throw new InputException($"{Select.Name} {name}: {scores} holds no intervals of its edges; faith stability --edges N --json stability.json gives them, and {intervals!.Name} stability.json takes them");
        return (selection with { Certain = StabilityFile.Read(path, graph).Certain }, signed);
    }

    /// <summary>The file of intervals, where one was given.</summary>
    public string? Intervals(ParseResult parse) => parse.GetValue(intervals!);

    private EdgeSelection Read(ParseResult parse, string name)
    {
        if (parse.GetValue(negative) is not { } share) return new(name);
        return name == SelectionMethods.RatioName ? new(name) { Negative = share } : throw new InputException($"{negative.Name} needs {Select.Name} {SelectionMethods.RatioName}");
    }
}
