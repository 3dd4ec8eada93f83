using System.CommandLine;
using System.CommandLine.Parsing;
using Faith.Engine;
using Faith.Engine.Attribution;

namespace Faith.Cli;

/// <summary>`--level` of a command that selects: whether edges, nodes or neurons. Options that give a number of one of them say it too.</summary>
/// <param name="edges">Gives a number of edges.</param>
/// <param name="nodes">Gives a number of nodes.</param>
/// <param name="neurons">Gives a number of neurons.</param>
internal sealed class LevelOption(Option edges, Option nodes, Option neurons)
{
    private readonly ChoiceOption level = new("--level", "what is selected", "edge", ScoreLevels.Names);

    /// <summary>Adds the option to a command, with the check that no two say different things.</summary>
    public void AddTo(Command command)
    {
        command.Add(level);
        command.Validators.Add(result =>
        {
            foreach (var option in (Option[])[edges, nodes, neurons])
            {
                if (result.GetResult(option) is { Implicit: false } && Given(result) is { } name && name != NameOf(option)) result.AddError($"{option.Name} selects {NameOf(option)}s; leave --level {name} out");
            }
        });
    }

    /// <summary>The level that the arguments ask for.</summary>
    public ScoreLevel Read(CommandResult result)
    {
        foreach (var option in (Option[])[edges, nodes, neurons])
        {
            if (result.GetResult(option) is { Implicit: false }) return ScoreLevels.Parse(NameOf(option));
        }
        return Given(result) is { } name ? ScoreLevels.Parse(name) : ScoreLevel.Edge;
    }

    private string? Given(CommandResult result) => result.GetResult(level) is { Implicit: false, Tokens: [var name] } ? KnownNames.Find(name.Value, ScoreLevels.Names) : null;

    private string NameOf(Option option) => (option == edges ? ScoreLevel.Edge : option == nodes ? ScoreLevel.Node : ScoreLevel.Neuron).Name();
}
