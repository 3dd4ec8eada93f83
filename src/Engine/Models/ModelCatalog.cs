using Faith.Engine.Hub;

namespace Faith.Engine.Models;

/// <summary>
/// Where models are: a directory, one shipped with the program (the directories of a folder called weights, each named like its model), or
/// a repository in the Hugging Face cache.
/// </summary>
public static class ModelCatalog
{
    private const string Folder = "weights";

    /// <summary>Directories of the shipped models by name, in the order of the names; empty when there is no folder of them.</summary>
    public static IReadOnlyList<(string Name, string Directory)> Models() => Models(Places);

    /// <summary>
    /// The directory of a model given as a directory, as the name of a shipped model or as that of a repository (owner/name, or a nickname,
    /// and @revision), in this order. Nothing is downloaded.
    /// </summary>
    /// <exception cref="InputException">None of these, or the repository is not in the cache.</exception>
    public static string Resolve(string modelArgument) => Resolve(modelArgument, Places, HubCache.OfEnvironment());

    /// <summary>Beside the program, then where it was started.</summary>
    private static string[] Places => [AppContext.BaseDirectory, Environment.CurrentDirectory];

    /// <summary>Looks for the folder in each of some places and everything above it; a name found twice means the first.</summary>
    internal static IReadOnlyList<(string Name, string Directory)> Models(IReadOnlyList<string> places)
    {
        var found = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var place in places)
        {
            for (var above = new DirectoryInfo(place); above is not null; above = above.Parent)
            {
                foreach (var model in ModelsIn(Path.Combine(above.FullName, Folder))) found.TryAdd(Path.GetFileName(model), model);
            }
        }
        return [.. found.Select(pair => (pair.Key, pair.Value))];
    }

    /// <summary><see cref="Resolve(string)"/> with the places and the cache given.</summary>
    internal static string Resolve(string modelArgument, IReadOnlyList<string> places, HubCache cache)
    {
        if (ConfigFile.PathIn(modelArgument) is not null) return Path.GetFullPath(modelArgument);
        var models = Models(places);
        // Where there is a folder of the name as given, the model of another case was not meant.
        var meant = KnownNames.Find(modelArgument, models.Select(m => m.Name));
        if (meant is not null && (meant == modelArgument || !Directory.Exists(modelArgument))) return models.First(m => m.Name == meant).Directory;
        var quoted = PlainText.Name(modelArgument);
        if (File.Exists(modelArgument))
        {
            var holder = Path.GetDirectoryName(Path.GetFullPath(modelArgument));
            var isHolder = File.Exists(Path.Combine(holder ?? "", "config.json"));
            throw new InputException($"model {quoted} is a file; give the directory that holds config.json and the weights{(isHolder ? $": {PlainText.Name(holder!, ForeignModel.PathLength)}" : "")}");
        }
        if (Directory.Exists(modelArgument))
        {
            var what = ForeignModel.OfDirectoryWithoutConfig(modelArgument);
            throw new InputException($"model {quoted} is a directory without config.json{(what is null ? "" : $": {what}")}");
        }
        if (HubName.TryParse(modelArgument) is { } name)
        {
            if (cache.Find(name) is { } snapshot)
            {
                return ConfigFile.PathIn(snapshot) is not null ? snapshot
                    : throw new InputException($"model {quoted} is in the cache without config.json ({PlainText.Name(snapshot, ForeignModel.PathLength)}); faith pull {modelArgument} fetches what is missing");
            }
            // A name can be shown as it was given: it has letters, digits and a few signs alone.
            if (name.HasOwner) throw new InputException($"model {quoted} is neither a directory nor in the Hugging Face cache ({PlainText.Name(cache.Root, ForeignModel.PathLength)}); faith pull {modelArgument} fetches it");
        }
        var names = models.Count == 0 ? "none found" : string.Join(", ", models.Select(model => model.Name));
        throw new InputException($"model {quoted} is neither a directory nor a shipped model ({names}) nor a repository (owner/name){KnownNames.Suggest(modelArgument, models.Select(m => m.Name).Concat(HubNicknames.All.Keys))}");
    }

    private static string[] ModelsIn(string folder)
    {
        try
        {
            if (!Directory.Exists(folder)) return [];
            return [.. Directory.GetDirectories(folder).Where(model => File.Exists(Path.Combine(model, "config.json")))];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A folder of that name that is somebody else's: the same as none.
            return [];
        }
    }
}
