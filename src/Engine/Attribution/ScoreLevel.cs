namespace Faith.Engine.Attribution;

/// <summary>What a run scores.</summary>
public enum ScoreLevel
{
    /// <summary>Edges.</summary>
    Edge,
    /// <summary>Nodes, and edges where the method scores these on the way.</summary>
    Node,
    /// <summary>The columns of every node's output, the nodes, and edges where the method scores these on the way.</summary>
    Neuron,
}

/// <summary>Names of the levels.</summary>
public static class ScoreLevels
{
    private static readonly Dictionary<string, ScoreLevel> ByName = new() { ["edge"] = ScoreLevel.Edge, ["node"] = ScoreLevel.Node, ["neuron"] = ScoreLevel.Neuron };

    /// <summary>The names on the command line and in files.</summary>
    public static IReadOnlyCollection<string> Names => ByName.Keys;

    /// <summary>The level of a name.</summary>
    /// <exception cref="InputException">No such level.</exception>
    public static ScoreLevel Parse(string name) => ByName.TryGetValue(name, out var level)
        ? level : throw new InputException($"unknown level '{name}'; known: {string.Join(", ", Names)}");

    /// <summary>The name of a level.</summary>
    public static string Name(this ScoreLevel level) => ByName.First(entry => entry.Value == level).Key;
}
