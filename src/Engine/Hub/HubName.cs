using System.Text.RegularExpressions;

namespace Faith.Engine.Hub;

/// <summary>A repository of the Hugging Face hub, and which state of it.</summary>
public sealed partial record HubName
{
    /// <summary>The branch that is meant where none is given.</summary>
    public const string MainRevision = "main";

    private HubName(string repository, string? revision, bool isDataset) => (Repository, GivenRevision, IsDataset) = (repository, revision, isDataset);

    /// <summary>owner/name, or a name alone, as the oldest repositories have it.</summary>
    public string Repository { get; private init; }
    /// <summary>The branch, tag or commit that was given, or null.</summary>
    public string? GivenRevision { get; }
    /// <summary>The branch, tag or commit.</summary>
    public string Revision => GivenRevision ?? MainRevision;
    /// <summary>Whether it is of data, not of a model.</summary>
    public bool IsDataset { get; }
    /// <summary>Whether there is an owner in the name.</summary>
    public bool HasOwner => Repository.Contains('/', StringComparison.Ordinal);

    /// <summary>Reads owner/name, name or a nickname of a model, and @revision after it; null when the text cannot be one of these.</summary>
    public static HubName? TryParse(string text, bool isDataset = false)
    {
        ArgumentNullException.ThrowIfNull(text);
        var at = text.IndexOf('@', StringComparison.Ordinal);
        var (repository, revision) = at < 0 ? (text, null) : (text[..at], text[(at + 1)..]);
        if (!RepositoryPattern().IsMatch(repository) || repository.Contains("--", StringComparison.Ordinal) || repository.Contains("..", StringComparison.Ordinal)) return null;
        if (revision is not null && (!RevisionPattern().IsMatch(revision) || revision.Contains("..", StringComparison.Ordinal) || revision.Contains("//", StringComparison.Ordinal))) return null;
        if (!isDataset && KnownNames.Find(repository, HubNicknames.All.Keys) is { } nickname) repository = HubNicknames.All[nickname];
        return new(repository, revision, isDataset);
    }

    /// <summary>The same without an owner: gpt2 for openai-community/gpt2, under which it was known before.</summary>
    internal HubName WithoutOwner() => this with { Repository = Repository[(Repository.IndexOf('/', StringComparison.Ordinal) + 1)..] };

    /// <summary>The name as faith pull takes it.</summary>
    public override string ToString() => GivenRevision is null ? Repository : $"{Repository}@{GivenRevision}";

    // A part begins and ends with a letter, a digit or an underscore.
    [GeneratedRegex(@"\A(?:[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?/)?[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?\z")]
    private static partial Regex RepositoryPattern();

    [GeneratedRegex(@"\A[A-Za-z0-9_](?:[A-Za-z0-9._/-]{0,198}[A-Za-z0-9_])?\z")]
    private static partial Regex RevisionPattern();
}
