using System.Text.Json;
using IOPath = System.IO.Path;

namespace Faith.Engine.Models;

/// <summary>
/// The weights of a model directory: model.safetensors, or model.safetensors.index.json and the shards that it names. The index
/// and the shards must agree on every tensor.
/// </summary>
public sealed class ShardedCheckpoint : IDisposable
{
    private const string Single = "model.safetensors";
    private const string Index = "model.safetensors.index.json";

    private readonly Dictionary<string, StoredTensor> tensors = new(StringComparer.Ordinal);
    private readonly List<SafetensorsFile> files = [];

    private ShardedCheckpoint(string path) => Path = path;

    /// <summary>model.safetensors, or the index.</summary>
    public string Path { get; }
    /// <summary>The files with tensors, by name.</summary>
    public IReadOnlyList<SafetensorsFile> Files => files;
    /// <summary>Every tensor by its name.</summary>
    public IReadOnlyDictionary<string, StoredTensor> Tensors => tensors;
    /// <summary>The index file's bytes; null when there is none.</summary>
    internal byte[]? IndexBytes { get; private set; }

    /// <summary>Opens the weights of a directory.</summary>
    /// <exception cref="InputException">A file is missing or malformed, or index and shards disagree.</exception>
    public static ShardedCheckpoint Open(string directory)
    {
        var single = IOPath.Combine(directory, Single);
        var index = IOPath.Combine(directory, Index);
        var sharded = !File.Exists(single) && File.Exists(index);
        var checkpoint = new ShardedCheckpoint(sharded ? index : single);
        try
        {
            if (sharded) checkpoint.OpenShards(directory);
            else if (File.Exists(single)) checkpoint.Add(SafetensorsFile.Open(single));
            else throw new InputException($"{directory}: has neither {Single} nor {Index}: {ForeignModel.OfDirectoryWithoutWeights(directory)}");
            return checkpoint;
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

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
            Add(SafetensorsFile.Open(path));
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
                throw new InputException($"{tensor.File.Path}: tensor {PlainText.Name(tensor.Name)} is not in weight_map of {Index}");
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

    private void Add(SafetensorsFile file)
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
