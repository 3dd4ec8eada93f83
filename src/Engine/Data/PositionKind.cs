namespace Faith.Engine.Data;

/// <summary>How a run tells positions apart.</summary>
public enum PositionKind
{
    /// <summary>By the spans that the data name.</summary>
    Spans,
    /// <summary>Token by token; prompts have one length.</summary>
    Tokens,
}

/// <summary>Names of these.</summary>
public static class PositionKinds
{
    private static readonly Dictionary<string, PositionKind> ByName = new() { ["spans"] = PositionKind.Spans, ["tokens"] = PositionKind.Tokens };

    /// <summary>The names on the command line and in files.</summary>
    public static IReadOnlyCollection<string> Names => ByName.Keys;

    /// <summary>The kind of a name.</summary>
    /// <exception cref="InputException">No such kind.</exception>
    public static PositionKind Parse(string name) => ByName.TryGetValue(name, out var kind) ? kind : throw new InputException($"unknown positions '{name}'; known: {string.Join(", ", Names)}");

    /// <summary>What examples need for a circuit over these spans.</summary>
    public static PositionKind Of(IReadOnlyList<string> spans) => Graphs.SpanGraph.AreTokens(spans) ? PositionKind.Tokens : PositionKind.Spans;

    /// <summary>The name of a kind.</summary>
    public static string Name(this PositionKind kind) => ByName.First(entry => entry.Value == kind).Key;
}
