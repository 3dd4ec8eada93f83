using System.Text.Json;
using IOPath = System.IO.Path;

namespace Faith.Engine.Models;

/// <summary>
/// The weights of a model directory: model.safetensors, or model.safetensors.index.json and the shards that it names; where neither is there
/// pytorch_model.bin, or its index and shards, or the only .pth or .pt file. The index and the shards must agree on every tensor.
/// </summary>
public sealed class ShardedCheckpoint : IDisposable
{
    private const string Safetensors = "model.safetensors", Torch = "pytorch_model.bin", Index = ".index.json";

    private readonly Dictionary<string, StoredTensor> tensors = new(StringComparer.Ordinal);
    private readonly List<TensorFile> files = [];

    private ShardedCheckpoint(string path) => Path = path;

    /// <summary>The file, or the index.</summary>
    public string Path { get; }
    /// <summary>The files with tensors, by name.</summary>
    public IReadOnlyList<TensorFile> Files => files;
    /// <summary>Every tensor by its name.</summary>
    public IReadOnlyDictionary<string, StoredTensor> Tensors => tensors;
    /// <summary>The index file's bytes; null when there is none.</summary>
    internal byte[]? IndexBytes { get; private set; }

    /// <summary>Opens the weights of a directory.</summary>
    /// <exception cref="InputException">A file is missing or malformed, or index and shards disagree.</exception>
    public static ShardedCheckpoint Open(string directory)
    {
        var path = Find(directory)
            ?? throw new InputException($"{directory}: has neither {Safetensors} nor {Safetensors}{Index} nor {Torch}: {ForeignModel.OfDirectoryWithoutWeights(directory)}");
        var checkpoint = new ShardedCheckpoint(path);
        try
        {
            if (path.EndsWith(Index, StringComparison.Ordinal)) checkpoint.OpenShards(directory);
            else checkpoint.Add(OpenFile(path));
            return checkpoint;
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    // Safetensors before PyTorch's files: they are checked whole, and where both are there they hold the same.
    private static string? Find(string directory)
    {
        foreach (var name in (string[])[Safetensors, Safetensors + Index, Torch, Torch + Index])
        {
            var path = IOPath.Combine(directory, name);
            if (File.Exists(path)) return path;
        }
        return ForeignModel.OnlyTorchFile(directory);
    }

    private static TensorFile OpenFile(string path) =>
        path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase) ? SafetensorsFile.Open(path) : TorchFile.OpenCheckpoint(path);

    private void OpenShards(string directory)
    {
        var (bytes, root) = JsonFile.Read(Path);
        IndexBytes = bytes;
        Dictionary<string, string> shardOf;
        try
        {
            shardOf = ReadMap(root);
        }
        catch (InvalidOperationException e)
        {
            // A string with an escaped half of a surrogate pair.
            throw new InputException($"{Path}: not valid JSON: {PlainText.Short(e.Message, 200)}", e);
        }
        foreach (var shard in shardOf.Values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
        {
            var path = IOPath.Combine(directory, shard);
            if (!File.Exists(path)) throw new InputException($"{Path}: shard {PlainText.Name(shard)} is not in the directory");
            Add(OpenFile(path));
        }
        foreach (var (name, shard) in shardOf)
        {
            if (!tensors.TryGetValue(name, out var tensor) || IOPath.GetFileName(tensor.File.Path) != shard)
            {
                throw new InputException($"{Path}: tensor {PlainText.Name(name)} is not in {PlainText.Name(shard)} as weight_map says");
            }
        }
        foreach (var tensor in tensors.Values)
        {
            if (!shardOf.ContainsKey(tensor.Name))
            {
                throw new InputException($"{tensor.File.Path}: tensor {PlainText.Name(tensor.Name)} is not in weight_map of {IOPath.GetFileName(Path)}");
            }
        }
    }

    private Dictionary<string, string> ReadMap(JsonElement root)
    {
        if (!root.TryGetProperty("weight_map", out var map) || map.ValueKind != JsonValueKind.Object)
        {
            throw new InputException($"{Path}: weight_map must map tensor names to files");
        }
        var result = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var property in map.EnumerateObject())
        {
            if (property.Value.ValueKind != JsonValueKind.String)
            {
                throw new InputException($"{Path}: weight_map of tensor {PlainText.Name(property.Name)} must be a file name");
            }
            var shard = property.Value.GetString()!;
            // A plain name stays inside the directory on every system: no separators, no drive, no parent.
            if (shard.Length == 0 || shard is "." or ".." || shard.AsSpan().IndexOfAny("/\\:\0") >= 0 || PlainText.Line(shard) != shard)
            {
                throw new InputException(
                    $"{Path}: weight_map of tensor {PlainText.Name(property.Name)}: {PlainText.Name(shard)} "
                    + "must be a file name without a path or control characters");
            }
            result[property.Name] = shard;
        }
        return result;
    }

    private void Add(TensorFile file)
    {
        files.Add(file);
        foreach (var tensor in file.Tensors)
        {
            if (!tensors.TryAdd(tensor.Name, tensor))
            {
                throw new InputException(
                    $"{file.Path}: tensor {PlainText.Name(tensor.Name)} is also in {PlainText.Name(IOPath.GetFileName(tensors[tensor.Name].File.Path))}");
            }
        }
    }

    /// <summary>Fails when a file was written to since it was opened.</summary>
    /// <exception cref="InputException">One was.</exception>
    internal void RequireUnchanged()
    {
        foreach (var file in files) file.RequireUnchanged();
    }

    /// <summary>Closes the files.</summary>
    public void Dispose()
    {
        foreach (var file in files) file.Dispose();
    }
}
