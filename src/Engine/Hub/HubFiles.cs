using System.Text.Json;

namespace Faith.Engine.Hub;

/// <summary>Which files of a repository are needed.</summary>
internal static class HubFiles
{
    private const int LongestPath = 500;
    // The state that MIB evaluates.
    private const string MibWeights = "/ll_model_100_100_80.pth";
    private const string Safetensors = "model.safetensors", Torch = "pytorch_model.bin", Index = ".index.json";

    private static readonly string[] Described =
        ["config.json", "tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt", "special_tokens_map.json", "added_tokens.json", "adapter_config.json"];

    // The first kind that a repository has: they hold the same.
    private static readonly string[] DataKinds = [".parquet", ".jsonl", ".json", ".csv"], NoData = ["dataset_infos.json", "dataset_info.json"];

    /// <summary>The files of a model: what describes it, its tokenizer, and its weights in the form that is read first. Of shards this is the index alone.</summary>
    /// <exception cref="InputException">There is no model that is read.</exception>
    internal static IReadOnlyList<string> OfModel(HubName name, IReadOnlyList<string> all)
    {
        var files = Described.Where(all.Contains).ToList();
        if (!all.Contains("config.json") && OfTransformerLens(name, all) is { } pickled) return [.. files, .. pickled];
        if (!all.Contains("config.json")) throw new InputException($"{name}: has no config.json{(all.Contains("adapter_config.json") ? ": it is an adapter (LoRA); merge it into its base model" : "; it is no model in the form of transformers")}");
        if (((string[])[Safetensors, Safetensors + Index, Torch, Torch + Index]).FirstOrDefault(all.Contains) is { } weights) return [.. files, weights];
        // As an only file of another name is read, too.
        return all.Where(path => !path.Contains('/', StringComparison.Ordinal) && Path.GetExtension(path) is ".pth" or ".pt").ToArray() is [var only] ? [.. files, only]
            : throw new InputException($"{name}: has no weights that are read: {Safetensors}, {Torch}, or one of these in shards with their index");
    }

    // A pickled configuration and the weights beside it or in a folder, of which InterpBench has those of several states of training.
    private static string[]? OfTransformerLens(HubName name, IReadOnlyList<string> all)
    {
        if (all.Where(path => !path.Contains('/', StringComparison.Ordinal) && path.EndsWith("cfg.pkl", StringComparison.Ordinal)).ToArray() is not [var configuration]) return null;
        string[] weights = [.. all.Where(path => path.EndsWith(".pth", StringComparison.Ordinal))];
        var chosen = weights.Length == 1 ? weights[0] : weights.FirstOrDefault(path => path.EndsWith(MibWeights, StringComparison.Ordinal));
        return chosen is null ? throw new InputException($"{name}: has {weights.Length} .pth files, and nothing says which holds the model") : [configuration, chosen];
    }

    /// <summary>Whether a file is an index, whose shards are needed too.</summary>
    internal static bool IsIndex(string path) => path is Safetensors + Index or Torch + Index;

    /// <summary>The shards that an index names.</summary>
    /// <exception cref="InputException">It names none, or files that are not there.</exception>
    internal static IReadOnlyList<string> OfIndex(HubName name, string index, byte[] content, IReadOnlyList<string> all)
    {
        try
        {
            using var document = JsonDocument.Parse(content);
            string[] shards = [.. document.RootElement.GetProperty("weight_map").EnumerateObject().Select(entry => entry.Value.GetString()!).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
            foreach (var shard in shards)
            {
                if (!all.Contains(shard)) throw new InputException($"{name}: {index} names {PlainText.Name(shard)}, which the repository does not have");
            }
            return shards;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or ArgumentNullException)
        {
            throw new InputException($"{name}: {index} does not say which shards hold the weights", e);
        }
    }

    /// <summary>The files of a data set, of one configuration where it is given: those that the card names, else those in a folder of its name, or whose own names begin with it.</summary>
    /// <exception cref="InputException">There are none.</exception>
    internal static IReadOnlyList<string> OfDataset(HubName name, IReadOnlyList<string> all, string? configuration, DatasetCard? card)
    {
        if (configuration is null) return OneKind(all) ?? throw new InputException($"{name}: has no Parquet, JSONL, JSON or CSV files; the hub's own conversion may be there: faith pull --dataset {name.Repository}@refs/convert/parquet");
        if (card?.FilesOf(configuration, all) is { } listed) return OneKind(listed) ?? throw new InputException($"{name}: its card lists no Parquet, JSONL, JSON or CSV files that are there for the configuration {PlainText.Name(configuration)}");
        if (OneKind([.. all.Where(path => BelongsTo(path, configuration))]) is { } chosen) return chosen;
        var names = string.Join(", ", (card?.Names ?? []).Take(20).Select(known => PlainText.Short(known)));
        var folders = string.Join(", ", (OneKind(all) ?? []).Select(path => Path.GetDirectoryName(path) ?? "").Where(folder => folder.Length > 0).Distinct(StringComparer.Ordinal).Take(20).Select(folder => PlainText.Short(folder)));
        throw new InputException($"{name}: has no configuration {PlainText.Name(configuration)}{(names.Length > 0 ? $"; its card has {names}" : folders.Length > 0 ? $"; its folders are {folders}" : "")}");
    }

    private static string[]? OneKind(IReadOnlyList<string> all) =>
        DataKinds.Select(kind => all.Where(path => path.EndsWith(kind, StringComparison.OrdinalIgnoreCase) && !NoData.Contains(path)).ToArray()).FirstOrDefault(found => found.Length > 0);

    private static bool BelongsTo(string path, string configuration)
    {
        var parts = path.Split('/');
        return parts.SkipLast(1).Contains(configuration) || (parts[^1].StartsWith(configuration, StringComparison.Ordinal) && parts[^1][configuration.Length..] is ['.' or '-' or '_', ..]);
    }

    /// <summary>Checks a name that a server gave: it stays inside a folder on every system, and shows all its characters.</summary>
    /// <exception cref="InputException">It does not.</exception>
    internal static string RequireSafe(HubName name, string path)
    {
        var isSafe = path.Length is > 0 and <= LongestPath && path.AsSpan().IndexOfAny("\\:\0") < 0 && PlainText.Line(path) == path
            && path.Split('/').All(part => part.Length > 0 && part is not ("." or "..") && part[0] != ' ' && part[^1] is not (' ' or '.'));
        return isSafe ? path : throw new InputException($"{name}: the hub names a file {PlainText.Name(path)}, which is not safe to write");
    }
}
