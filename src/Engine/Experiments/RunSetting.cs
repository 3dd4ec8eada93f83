using Faith.Engine.ScoreFiles;

namespace Faith.Engine.Experiments;

/// <summary>A part of a <see cref="RunSpecification"/> by its name, as text.</summary>
/// <param name="Name">Its name: in a study, and with underscores in files.</param>
/// <param name="Plural">What a study calls a list of them.</param>
/// <param name="Get">Its value; null where it says nothing, as steps of a method without.</param>
/// <param name="Set">The specification with this value. Throws <see cref="InputException"/> with the name and what would be right.</param>
public sealed record RunSetting(string Name, string Plural, Func<RunSpecification, string?> Get, Func<RunSpecification, string, RunSpecification> Set)
{
    /// <summary>Where a record has a field of its own for it; null: among <see cref="RunRecord.Options"/>.</summary>
    public Func<RunRecord, string?>? Field { get; init; }

    /// <summary>What its text says.</summary>
    public SettingKind Kind { get; init; }

    /// <summary>The value that a record leaves out.</summary>
    public string? Unsaid { get; init; }

    /// <summary>Its name among the options of a record.</summary>
    public string RecordName { get; init; } = Name.Replace('-', '_');

    /// <summary>Its value in a record, or null.</summary>
    public string? InRecord(RunRecord run)
    {
        ArgumentNullException.ThrowIfNull(run);
        return Field is { } field ? field(run) : run.Options.GetValueOrDefault(RecordName);
    }
}
