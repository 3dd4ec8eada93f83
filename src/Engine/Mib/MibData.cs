using System.Security.Cryptography;
using Faith.Engine.Data;
using Faith.Engine.Experiments;
using Faith.Engine.Hub;

namespace Faith.Engine.Mib;

/// <summary>The data of a cell as the benchmark reads them: rows in their order, without those that its filters leave out by the model's own tokenizer.</summary>
public sealed record MibData
{
    private static readonly string[] Extensions = [".parquet", ".jsonl", ".json"];

    /// <summary>The splits.</summary>
    public static IReadOnlyList<string> Splits { get; } = ["train", "validation", "test"];

    /// <summary>The examples.</summary>
    public required PromptSet Prompts { get; init; }
    /// <summary>Rows that the benchmark's filters left out before the last example.</summary>
    public required int Filtered { get; init; }
    /// <summary>Rows left out because clean and counterfactual prompt have different numbers of tokens, which the benchmark does not check.</summary>
    public required int Uneven { get; init; }

    /// <summary>Where the cache of the hub's programs has the data set of a cell.</summary>
    /// <exception cref="InputException">It is not there.</exception>
    public static string InCache(MibCell cell, HubCache cache)
    {
        ArgumentNullException.ThrowIfNull(cell);
        ArgumentNullException.ThrowIfNull(cache);
        var name = cell.Task.DataSet;
        return cache.Find(HubName.TryParse(name, isDataset: true)!) ?? throw new InputException($"--cell {cell.Name}: its data set {name} is not in the cache {cache.Root}; get it with faith pull --dataset {name}, or name its folder with --data DIR");
    }

    /// <summary>Reads the examples of a split.</summary>
    /// <param name="cell">The cell.</param>
    /// <param name="path">A file of the data set, or a folder that holds it.</param>
    /// <param name="split">train, validation or test.</param>
    /// <param name="examples">How many after filtering; null: all.</param>
    /// <param name="counterfactual">What the corrupted prompts are; null: the task's usual ones.</param>
    /// <param name="model">The model that they are for.</param>
    /// <exception cref="InputException">There is no such file, or it is none of this task's, or no row is left.</exception>
    public static MibData Load(MibCell cell, string path, string split, int? examples, string? counterfactual, LoadedModel model, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(cell);
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(model);
        var tokenizer = model.Tokenizer ?? throw new InputException($"--model {model.Name}: the model has no tokenizer, but the benchmark's data are text");
        var (filtered, uneven) = (0, 0);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var files = FilesOf(cell.Task, path, split);
        ExampleDraft[] drafts = [.. Drafts().Take(examples ?? int.MaxValue)];
        if (drafts.Length == 0) throw new InputException($"{path}: of {filtered + uneven} rows of the {split} split none is left: the filters of the benchmark leave out {filtered} with the tokenizer of {model.Name}, and {uneven} have prompts of different lengths");
        var prompts = PromptSet.FromDrafts($"{cell.Task.Name} {split}", path, drafts, tokenizer, model.Config, Convert.ToHexStringLower(hash.GetHashAndReset()), cancellation);
        return new() { Prompts = prompts, Filtered = filtered, Uneven = uneven };

        IEnumerable<ExampleDraft> Drafts()
        {
            foreach (var file in files)
            {
                var bytes = DataFile.Read(file, cancellation);
                hash.AppendData(bytes);
                foreach (var row in JsonRows.Read(file, bytes, cancellation))
                {
                    cancellation.ThrowIfCancellationRequested();
                    if (row.Read((r, root) => cell.Task.Reader.Read(r, root, counterfactual ?? cell.Task.Counterfactual, tokenizer)) is not { } example) filtered++;
                    else if (tokenizer.EncodePrompt(example.Clean, cancellation).Length != tokenizer.EncodePrompt(example.Corrupted, cancellation).Length) uneven++;
                    else yield return new($"{row.Place}", new(example.Clean), new PromptDraft(example.Corrupted), [new(example.Good)], [new(example.Bad)]);
                }
            }
        }
    }

    /// <summary>The files of a split: the one that was named, or those called after it where the hub and its cache put them.</summary>
    private static string[] FilesOf(MibTask task, string path, string split)
    {
        if (!Directory.Exists(path)) return [path];
        var short_ = task.DataSet[(task.DataSet.IndexOf('/', StringComparison.Ordinal) + 1)..];
        string[] names = [task.DataSet, short_, short_.Replace('_', '-'), task.Name, .. Snapshots(path, task.DataSet)];
        string[] folders = [path, .. names.Select(name => Path.Combine(path, name))];
        string[] below = task.Config is { } config ? ["", config, Path.Combine(config, "data"), Path.Combine("data", config), "data"] : ["", "data", "default"];
        foreach (var folder in folders.SelectMany(folder => below.Select(part => Path.Combine(folder, part))).Where(Directory.Exists))
        {
            foreach (var extension in Extensions)
            {
                string[] found = [.. Directory.EnumerateFiles(folder).Where(file => Path.GetExtension(file) == extension && IsOf(Path.GetFileNameWithoutExtension(file), split)).Order(StringComparer.Ordinal)];
                if (found.Length > 0) return found;
            }
        }
        throw new InputException($"{path}: holds no {split} split of {task.DataSet}; a file {split}.parquet or {split}.jsonl is looked for here, in data and in folders called as the data set (faith pull --dataset {task.DataSet} gets it)");
    }

    private static bool IsOf(string name, string split) => name == split || name.StartsWith($"{split}-", StringComparison.Ordinal);

    // In the cache of the hub's programs every version has a folder of its own.
    private static IEnumerable<string> Snapshots(string path, string dataSet)
    {
        var folder = Path.Combine($"datasets--{dataSet.Replace("/", "--", StringComparison.Ordinal)}", "snapshots");
        return Directory.Exists(Path.Combine(path, folder)) ? Directory.EnumerateDirectories(Path.Combine(path, folder)).Order(StringComparer.Ordinal).Select(version => Path.Combine(folder, Path.GetFileName(version))) : [];
    }
}
