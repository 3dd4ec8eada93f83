using System.Text.Json;
using Faith.Engine.Files;

namespace Faith.Engine.Hub;

/// <summary>
/// Downloads the files of a repository that are needed into the cache, in the layout of Hugging Face's own programs, or into a folder. A run that
/// was stopped is gone on with by the next; a snapshot stands in the cache when all of its files are there.
/// </summary>
/// <param name="settings">The hub.</param>
/// <param name="cache">The cache.</param>
/// <param name="folder">A folder for the files themselves, in place of the cache; null for the cache.</param>
public sealed class HubPull(HubSettings settings, HubCache cache, string? folder = null)
{
    private const int LargestAnswer = 64 << 20, LargestIndex = 16 << 20, LargestCard = 4 << 20;
    private const long LargestFile = 1L << 50;

    /// <summary>Downloads a model: its configuration, tokenizer and weights.</summary>
    /// <exception cref="InputException">It is not there, not given out, or cannot be written.</exception>
    public Task<HubPulled> Model(HubName name, IProgress<HubProgress>? progress, CancellationToken cancellation) =>
        Guarded(() => Run(name, (_, _, all) => Task.FromResult(HubFiles.OfModel(name, all)), progress, cancellation));

    /// <summary>Downloads a data set, or one configuration of it.</summary>
    /// <exception cref="InputException">It is not there, not given out, or cannot be written.</exception>
    public Task<HubPulled> Dataset(HubName name, string? configuration, IProgress<HubProgress>? progress, CancellationToken cancellation) =>
        Guarded(() => Run(name, async (client, commit, all) =>
        {
            // Configurations are what the card says they are.
            var card = configuration is null || !all.Contains(DatasetCard.FileName) ? null
                : DatasetCard.Read(await client.Read(Address(client, name, commit, DatasetCard.FileName), $"{name} {DatasetCard.FileName}", LargestCard, leaveHost: true, cancellation));
            return HubFiles.OfDataset(name, all, configuration, card);
        }, progress, cancellation));

    private async Task<HubPulled> Guarded(Func<Task<HubPulled>> run)
    {
        try
        {
            return await run();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{folder ?? cache.Root}: cannot be written ({PlainText.Line(e.Message)}); what has arrived is kept, and the same command goes on from there", e);
        }
    }

    private async Task<HubPulled> Run(HubName name, Func<HubClient, string, IReadOnlyList<string>, Task<IReadOnlyList<string>>> choose, IProgress<HubProgress>? progress, CancellationToken cancellation)
    {
        using var client = new HubClient(settings);
        var download = new HubDownload(client, settings, progress, cancellation);
        var (commit, all) = await Describe(client, name, cancellation);
        var blobs = folder ?? Path.Combine(cache.Of(name), "blobs");
        Directory.CreateDirectory(blobs);
        var (got, fetched) = (new List<HubFile>(), 0L);
        await Get(await choose(client, commit, all));
        if (got.FirstOrDefault(file => HubFiles.IsIndex(file.Path)) is { } index)
        {
            await Get(HubFiles.OfIndex(name, index.Path, RegularFile.ReadAll(Target(index), FileUse.Model, LargestIndex), all));
        }
        var at = folder ?? Link(name, commit, got);
        return new(at, commit, got.Count, got.Sum(file => file.Size), fetched);

        async Task Get(IReadOnlyList<string> paths)
        {
            var files = new List<HubFile>();
            foreach (var path in paths) files.Add(await Ask(client, name, commit, HubFiles.RequireSafe(name, path), cancellation));
            HubFile[] missing = [.. files.Where(file => !IsHere(file)).DistinctBy(Target)];
            RequireSpace(blobs, missing.Sum(file => file.Size - LengthOf(Incomplete(file))));
            foreach (var file in missing)
            {
                MakeFolderOf(Target(file), blobs);
                await download.Fetch(file, Address(client, name, commit, file.Path), $"{name} {file.Path}", Target(file), Incomplete(file));
                fetched += file.Size;
            }
            got.AddRange(files);
        }

        string Target(HubFile file) => folder is null ? Path.Combine(blobs, file.Hash) : Path.Combine([folder, .. file.Path.Split('/')]);
        string Incomplete(HubFile file) => folder is null ? $"{Target(file)}.incomplete" : $"{Target(file)}.{file.Hash}.incomplete";
        // In the cache a file's name is its hash; in a folder it may be any file of the name.
        bool IsHere(HubFile file) => LengthOf(Target(file)) == file.Size && File.Exists(Target(file)) && (folder is null || HubHash.Matches(Target(file), file.Hash, cancellation));
    }

    private static long LengthOf(string path) => new FileInfo(path) is { Exists: true } file ? file.Length : 0;

    // ---- what the hub says ----

    private static async Task<(string Commit, IReadOnlyList<string> Files)> Describe(HubClient client, HubName name, CancellationToken cancellation)
    {
        var address = client.Address($"api/{(name.IsDataset ? "datasets" : "models")}/{name.Repository}/revision/{Uri.EscapeDataString(name.Revision)}");
        try
        {
            using var document = JsonDocument.Parse(await client.Read(address, name.ToString(), LargestAnswer, leaveHost: false, cancellation));
            var commit = document.RootElement.GetProperty("sha").GetString() ?? "";
            string[] files = [.. document.RootElement.GetProperty("siblings").EnumerateArray().Select(file => file.GetProperty("rfilename").GetString() ?? "")];
            return HubCache.IsCommit(commit) ? (commit, files) : throw new InputException($"{name}: the hub names the commit {PlainText.Name(commit)}, which is none");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new InputException($"{name}: the hub's answer at {PlainText.Short(address.AbsoluteUri, 200)} does not describe a repository (sha and siblings)", e);
        }
    }

    private static async Task<HubFile> Ask(HubClient client, HubName name, string commit, string path, CancellationToken cancellation)
    {
        var (what, address) = ($"{name} {path}", Address(client, name, commit, path));
        // Of a large file the hub itself leads to another host, and says with that what the file is.
        foreach (var leaveHost in (bool[])[false, true])
        {
            using var response = await client.Send(HttpMethod.Head, address, what, leaveHost, null, cancellation);
            string? Header(string header) => response.Headers.NonValidated.TryGetValues(header, out var values) ? values.ToString() : null;

            if (Header("X-Repo-Commit") is { } other && other != commit) throw new InputException($"{what}: the hub gives it out of commit {PlainText.Name(other)}, not {commit}");
            var tag = (Header("X-Linked-Etag") ?? Header("ETag") ?? "").Replace("W/", "", StringComparison.Ordinal).Trim('"');
            var size = long.TryParse(Header("X-Linked-Size"), out var linked) ? linked : response.IsSuccessStatusCode ? response.Content.Headers.ContentLength : null;
            if (size is not >= 0 && !leaveHost) continue;
            if (size is not { } bytes || bytes is < 0 or > LargestFile) throw new InputException($"{what}: the hub does not say how large it is");
            return HubHash.IsHash(tag) ? new(path, bytes, tag) : throw new InputException($"{what}: the hub gives no hash for it (ETag {PlainText.Name(tag)}), so that it cannot be checked");
        }
        throw new InvalidOperationException("the second answer was taken or refused");
    }

    private static Uri Address(HubClient client, HubName name, string commit, string path) =>
        client.Address($"{(name.IsDataset ? "datasets/" : "")}{name.Repository}/resolve/{commit}/{string.Join('/', path.Split('/').Select(Uri.EscapeDataString))}");

    // ---- what is written ----

    private static void RequireSpace(string place, long bytes)
    {
        var free = new DriveInfo(Path.GetFullPath(place)).AvailableFreeSpace;
        if (bytes > free) throw new InputException($"{place}: {Figures.Bytes(bytes)} are to be fetched and {Figures.Bytes(free)} are free; make room, or choose another folder by HF_HOME or --to");
    }

    // A folder below that is a link would lead what is written elsewhere.
    private static void MakeFolderOf(string path, string root)
    {
        for (var folder = Path.GetDirectoryName(path)!; folder.Length > root.Length; folder = Path.GetDirectoryName(folder)!)
        {
            if (new DirectoryInfo(folder).LinkTarget is { } target) throw new InputException($"{folder}: is a link to {PlainText.Name(target)}, and what is fetched must stay in {root}; remove it");
        }
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
    }

    // The links of the snapshot, then the branch that leads to it.
    private string Link(HubName name, string commit, List<HubFile> files)
    {
        var snapshot = cache.Snapshot(name, commit);
        foreach (var file in files)
        {
            var path = Path.Combine([snapshot, .. file.Path.Split('/')]);
            MakeFolderOf(path, snapshot);
            var above = string.Concat(Enumerable.Repeat("../", file.Path.Count(c => c == '/') + 2));
            var target = $"{above}blobs/{file.Hash}";
            if (new FileInfo(path).LinkTarget == target) continue;
            var made = OutputFile.NewTemporary(Path.GetDirectoryName(path)!);
            if (OperatingSystem.IsWindows()) File.Copy(Path.Combine(cache.Of(name), "blobs", file.Hash), made);
            else File.CreateSymbolicLink(made, target);
            File.Move(made, path, overwrite: true);
        }
        if (name.Revision != commit)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(cache.Ref(name))!);
            OutputFile.WriteText(cache.Ref(name), commit);
        }
        return snapshot;
    }
}
