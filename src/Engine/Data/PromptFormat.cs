namespace Faith.Engine.Data;

/// <summary>How the fields of a data set are read.</summary>
public sealed record PromptFormat
{
    /// <summary>As the project's own form says.</summary>
    public static PromptFormat Default { get; } = new();

    /// <summary>True where an answer of several tokens stands by its first, as in the MIB benchmark; else it is an error.</summary>
    public bool FirstTokens { get; init; }

    /// <summary>Which columns hold what; null: those of the project's own form, or of a known CSV layout.</summary>
    public PromptColumns? Columns { get; init; }
}
