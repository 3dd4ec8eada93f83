using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json.Nodes;

namespace Faith.Engine.Tests.Models;

/// <summary>A tensor to be written: its name, encoding, shape and bytes.</summary>
internal sealed record TensorData(string Name, string Type, long[] Shape, byte[] Bytes)
{
    internal static TensorData F32(string name, long[] shape, ReadOnlySpan<float> values) =>
        new(name, "F32", shape, MemoryMarshal.AsBytes(values).ToArray());

    internal static TensorData Bits16(string name, string type, long[] shape, ReadOnlySpan<ushort> values) =>
        new(name, type, shape, MemoryMarshal.AsBytes(values).ToArray());
}

/// <summary>Writes safetensors files, well-formed ones and others.</summary>
internal static class SafetensorsWriter
{
    internal static void Write(string path, IEnumerable<TensorData> tensors, params ReadOnlySpan<(string Key, string Value)> metadata)
    {
        var notes = new JsonObject { ["format"] = "pt" };
        foreach (var (key, value) in metadata) notes[key] = value;
        var header = new JsonObject { ["__metadata__"] = notes };
        using var data = new MemoryStream();
        foreach (var tensor in tensors)
        {
            header.Add(tensor.Name, new JsonObject
            {
                ["dtype"] = tensor.Type,
                ["shape"] = new JsonArray([.. tensor.Shape.Select(n => (JsonNode)n)]),
                ["data_offsets"] = new JsonArray(data.Position, data.Position + tensor.Bytes.Length),
            });
            data.Write(tensor.Bytes);
        }
        File.WriteAllBytes(path, Raw(header.ToJsonString(), data.ToArray()));
    }

    /// <summary>A file's bytes from any header and any data.</summary>
    internal static byte[] Raw(string header, byte[] data)
    {
        var json = Encoding.UTF8.GetBytes(header);
        var prefix = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(prefix, (ulong)json.Length);
        return [.. prefix, .. json, .. data];
    }
}
