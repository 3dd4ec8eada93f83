using Faith.Engine.Files;

namespace Faith.Engine.Models;

/// <summary>Says what a directory is that is no model, and what to do: one clause, to stand in a message.</summary>
internal static class ForeignModel
{
    /// <summary>Characters of a path that is to be copied out of a message.</summary>
    internal const int PathLength = 400;

    private const int MostNames = 10_000;

    private const string Merge = "merge it into its base model in Python with merge_and_unload() of peft and save that with save_pretrained";

    private static readonly string[] TorchExtensions = [".pth", ".pt", ".bin", ".ckpt"];

    private static readonly string[] AdapterFiles = ["adapter_config.json", "adapter_model.safetensors", "adapter_model.bin"];

    private static readonly (string[] Extensions, string What)[] Formats =
    [
        ([".gguf", ".ggml"], "GGUF weights, which are not read"),
        ([".h5", ".msgpack", ".onnx", ".npz", ".tflite", ".mlmodel"], "weights of another framework, which are not read"),
    ];

    /// <summary>Why a directory with a config.json has no weights.</summary>
    internal static string OfDirectoryWithoutWeights(string directory)
    {
        var names = Names(directory);
        if (Adapter(names) is { } adapter) return adapter;
        if (TorchFiles(names) is [var torch, .. var more]) return $"if {PlainText.Name(torch)} {(more.Length > 0 ? "or another of its kind " : "")}holds the whole model, name it pytorch_model.bin";
        foreach (var (extensions, what) in Formats)
        {
            var found = names.FirstOrDefault(n => extensions.Contains(Path.GetExtension(n), StringComparer.OrdinalIgnoreCase));
            if (found is not null) return $"{PlainText.Name(found)} holds {what}; {FileUse.Model.Remedy}";
        }
        var other = names.Where(n => n.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase)).ToArray();
        return other.Length switch
        {
            0 => "other weight formats are not read",
            1 => $"if {PlainText.Name(other[0])} holds the whole model, name it model.safetensors",
            _ => $"there are {other.Length} other .safetensors files ({PlainText.Name(other[0])}, …), but no index that says which belong to the model; save the model anew with save_pretrained",
        };
    }

    /// <summary>
    /// The only .pth or .pt file of a directory, or null where there is none or several. Beside a pickled configuration it may lie in a folder, as
    /// InterpBench's does.
    /// </summary>
    internal static string? OnlyTorchFile(string directory)
    {
        string[] here = [.. Of(directory)];
        if (here.Length == 0 && !File.Exists(Path.Combine(directory, "config.json"))) here = [.. Folders(directory).SelectMany(Of)];
        return here is [var only] ? only : null;

        static IEnumerable<string> Of(string folder) => TorchFiles(Names(folder)).Where(name => Path.GetExtension(name) is ".pth" or ".pt").Select(name => Path.Combine(folder, name));
    }

    // training_args.bin and the states of optimisers are no weights.
    private static string[] TorchFiles(IEnumerable<string> names) =>
        [.. names.Where(name => TorchExtensions.Contains(Path.GetExtension(name), StringComparer.OrdinalIgnoreCase)
            && !((string[])["training_args", "optimizer", "scheduler", "rng_state"]).Any(start => name.StartsWith(start, StringComparison.Ordinal)))];

    /// <summary>What a directory without a config.json is, or null when it is nothing that is known.</summary>
    internal static string? OfDirectoryWithoutConfig(string directory)
    {
        if (Adapter(Names(directory)) is { } adapter) return adapter;
        // A download cache keeps a model in a folder for every revision, and training one for every checkpoint.
        var inside = new List<string>();
        foreach (var place in new[] { directory, Path.Combine(directory, "snapshots") })
        {
            inside.AddRange(Folders(place).Where(folder => File.Exists(Path.Combine(folder, "config.json"))));
        }
        if (inside.Count == 1) return $"the model is in its subfolder: give {PlainText.Name(inside[0], PathLength)}";
        return inside.Count > 1 ? $"it holds {inside.Count} folders with models: give one of them, such as {PlainText.Name(inside[0], PathLength)}" : null;
    }

    /// <summary>
    /// Refuses an adapter that lies beside a whole model: other programs apply it, so that results of the model alone would be of another model
    /// than the user has in mind.
    /// </summary>
    /// <exception cref="InputException">There is one.</exception>
    internal static void RequireNoAdapter(string directory)
    {
        var found = Array.FindAll(AdapterFiles, name => RegularFile.IsThere(Path.Combine(directory, name)));
        if (found.Length == 0) return;
        throw new InputException($"{Path.Combine(directory, found[0])}: an adapter (LoRA) lies beside the model, which would run without it; {Merge}"
            + $", or move {string.Join(" and ", found)} away if the model alone is meant");
    }

    private static string? Adapter(IReadOnlyList<string> names) =>
        names.Any(AdapterFiles.Contains) ? $"it is an adapter (LoRA), which changes a model and is none by itself; {Merge}" : null;

    private static string[] Names(string directory) => [.. Entries(() => Directory.EnumerateFiles(directory)).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)];

    private static IEnumerable<string> Folders(string directory) => Directory.Exists(directory) ? Entries(() => Directory.EnumerateDirectories(directory)).Order(StringComparer.Ordinal) : [];

    private static string[] Entries(Func<IEnumerable<string>> list)
    {
        try
        {
            return [.. list().Take(MostNames)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
