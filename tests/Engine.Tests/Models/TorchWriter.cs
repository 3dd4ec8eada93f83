using System.Globalization;
using System.IO.Compression;

namespace Faith.Engine.Tests.Models;

/// <summary>Writes the files of torch.save, well-formed ones and others.</summary>
internal static class TorchWriter
{
    private static readonly Dictionary<string, string> Classes = new()
    {
        ["F32"] = "FloatStorage", ["F16"] = "HalfStorage", ["BF16"] = "BFloat16Storage", ["F64"] = "DoubleStorage", ["I64"] = "LongStorage", ["I32"] = "IntStorage",
        ["U8"] = "ByteStorage", ["BOOL"] = "BoolStorage", ["F8_E4M3"] = "Float8_e4m3fnStorage",
    };
    private static readonly Dictionary<string, int> Sizes = new() { ["F32"] = 4, ["F16"] = 2, ["BF16"] = 2, ["F64"] = 8, ["I64"] = 8, ["I32"] = 4, ["U8"] = 1, ["BOOL"] = 1, ["F8_E4M3"] = 1 };

    /// <summary>A model's tensors, each with a storage of its own.</summary>
    public static void Write(string path, IReadOnlyList<TensorData> tensors) =>
        Save(path, new Ordered([.. tensors.Select((tensor, i) => (tensor.Name, (object?)ViewOf(tensor, i)))]), [.. tensors.Select(tensor => tensor.Bytes)]);

    /// <summary>A whole tensor of the storage of a number.</summary>
    public static View ViewOf(TensorData tensor, int storage)
    {
        var strides = new long[tensor.Shape.Length];
        var step = 1L;
        for (var i = strides.Length - 1; i >= 0; i--)
        {
            strides[i] = step;
            step *= tensor.Shape[i];
        }
        return new(StorageOf(tensor, storage), 0, tensor.Shape, strides);
    }

    public static StorageData StorageOf(TensorData tensor, int storage) =>
        new(storage.ToString(CultureInfo.InvariantCulture), Classes[tensor.Type], tensor.Bytes.Length / Sizes[tensor.Type]);

    /// <summary>Any value, with storages by number.</summary>
    public static void Save(string path, object? root, params IReadOnlyList<byte[]> storages) => File.WriteAllBytes(path, Archive(PickleWriter.Write(root), storages));

    /// <summary>The archive of a pickle and storages.</summary>
    public static byte[] Archive(byte[] pickle, IReadOnlyList<byte[]> storages, CompressionLevel ofPickle = CompressionLevel.NoCompression, CompressionLevel ofStorages = CompressionLevel.NoCompression)
    {
        var memory = new MemoryStream();
        using (var archive = new ZipArchive(memory, ZipArchiveMode.Create, leaveOpen: true))
        {
            Add("archive/data.pkl", pickle, ofPickle);
            for (var i = 0; i < storages.Count; i++) Add(string.Create(CultureInfo.InvariantCulture, $"archive/data/{i}"), storages[i], ofStorages);
            Add("archive/version", "3\n"u8.ToArray(), CompressionLevel.NoCompression);

            void Add(string name, byte[] content, CompressionLevel level)
            {
                using var entry = archive.CreateEntry(name, level).Open();
                entry.Write(content);
            }
        }
        return memory.ToArray();
    }

    /// <summary>Writes a model with its weights in PyTorch's form: one file, or shards with their index.</summary>
    public static void WriteTorch(this TinyModel model, string directory, int shards = 1)
    {
        File.WriteAllText(Path.Combine(directory, "config.json"), model.Config.ToJsonString());
        if (shards == 1)
        {
            Write(Path.Combine(directory, "pytorch_model.bin"), model.Tensors);
            return;
        }
        var map = new System.Text.Json.Nodes.JsonObject();
        for (var s = 0; s < shards; s++)
        {
            var name = $"pytorch_model-{s + 1:00000}-of-{shards:00000}.bin";
            TensorData[] part = [.. model.Tensors.Where((_, i) => i % shards == s)];
            Write(Path.Combine(directory, name), part);
            foreach (var tensor in part) map.Add(tensor.Name, name);
        }
        File.WriteAllText(Path.Combine(directory, "pytorch_model.bin.index.json"), new System.Text.Json.Nodes.JsonObject { ["weight_map"] = map }.ToJsonString());
    }
}
