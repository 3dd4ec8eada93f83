using System.Text;
using System.Text.RegularExpressions;
using Faith.Engine.Files;

namespace Faith.Engine.Hub;

/// <summary>
/// The folder in which Hugging Face's programs keep what they download: models--OWNER--NAME/blobs holds the files by their hash,
/// snapshots/COMMIT/FILE are links to them, and refs/BRANCH says which commit a branch was at.
/// </summary>
/// <param name="root">The folder; it need not be there.</param>
public sealed partial class HubCache(string root)
{
    private const int LongestRef = 256, LeastOfCommit = 7;

    /// <summary>The folder.</summary>
    public string Root => root;

    /// <summary>The cache that the environment names: HF_HUB_CACHE, HF_HOME/hub, else ~/.cache/huggingface/hub.</summary>
    public static HubCache OfEnvironment() => new(Folder(Environment.GetEnvironmentVariable, Environment.GetFolderPath(Environment.SpecialFolder.UserProfile)));

    internal static string Folder(Func<string, string?> variable, string home)
    {
        string? Given(string name) => variable(name) is not { Length: > 0 } path ? null : path == "~" || path.StartsWith("~/", StringComparison.Ordinal) ? home + path[1..] : path;

        return Path.GetFullPath(Given("HF_HUB_CACHE") ?? Given("HUGGINGFACE_HUB_CACHE")
            ?? Path.Combine(Given("HF_HOME") ?? Path.Combine(Given("XDG_CACHE_HOME") ?? Path.Combine(home, ".cache"), "huggingface"), "hub"));
    }

    /// <summary>The folder of a repository.</summary>
    public string Of(HubName name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return Path.Combine(root, (name.IsDataset ? "datasets--" : "models--") + name.Repository.Replace("/", "--", StringComparison.Ordinal));
    }

    /// <summary>The folder of a snapshot.</summary>
    public string Snapshot(HubName name, string commit) => Path.Combine(Of(name), "snapshots", commit);

    /// <summary>The file that says which commit the revision of a name was at.</summary>
    public string Ref(HubName name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return Path.Combine([Of(name), "refs", .. name.Revision.Split('/')]);
    }

    /// <summary>The snapshot of a repository that is here, or null where there is none.</summary>
    /// <exception cref="InputException">It does not say which one is meant, or is damaged.</exception>
    public string? Find(HubName name)
    {
        ArgumentNullException.ThrowIfNull(name);
        // What was downloaded as "gpt2" before it had an owner stands under that name.
        return FindAs(name) ?? (name is { HasOwner: true, IsDataset: false } ? FindAs(name.WithoutOwner()) : null);
    }

    private string? FindAs(HubName name)
    {
        string[] snapshots;
        try
        {
            var folder = Path.Combine(Of(name), "snapshots");
            if (!Directory.Exists(folder)) return null;
            snapshots = [.. Directory.EnumerateDirectories(folder).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{Of(name)}: cannot be read ({PlainText.Line(e.Message)})", e);
        }
        if (ReadRef(name) is { } commit) return snapshots.Contains(commit) ? Snapshot(name, commit) : null;
        if (name.GivenRevision is { } given)
        {
            string[] meant = [.. snapshots.Where(snapshot => snapshot == given || (given.Length >= LeastOfCommit && snapshot.StartsWith(given, StringComparison.Ordinal)))];
            return meant.Length == 1 ? Snapshot(name, meant[0]) : null;
        }
        // Downloaded by its commit alone.
        return snapshots.Length switch
        {
            0 => null,
            1 => Snapshot(name, snapshots[0]),
            _ => throw new InputException($"{Of(name)}: holds {snapshots.Length} snapshots and does not say which one {HubName.MainRevision} is; give one: {name.Repository}@{snapshots[0]}"),
        };
    }

    private string? ReadRef(HubName name)
    {
        var path = Ref(name);
        if (FileIdentity.Of(path).Kind is FileKind.Missing or FileKind.Folder) return null;
        var commit = Encoding.Latin1.GetString(RegularFile.ReadAll(path, FileUse.Model, LongestRef)).Trim();
        return CommitPattern().IsMatch(commit) ? commit : throw new InputException($"{path}: should hold the hash of a commit; delete it and run: faith pull {name}");
    }

    /// <summary>Whether a text can be the hash of a commit, and so the name of a folder.</summary>
    internal static bool IsCommit(string text) => CommitPattern().IsMatch(text);

    [GeneratedRegex(@"\A[0-9a-f]{40}(?:[0-9a-f]{24})?\z")]
    private static partial Regex CommitPattern();
}
