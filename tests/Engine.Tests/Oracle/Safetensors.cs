using System.Buffers.Binary;
using System.Text.Json;

namespace Faith.Engine.Tests.Oracle;

/// <summary>A named array of a checkpoint.</summary>
public sealed record StoredTensor(string Name, int[] Shape, float[] Values);

/// <summary>The safetensors format: header length (8 bytes), JSON header padded with spaces, then the numbers.</summary>
public static class Safetensors
{
    /// <summary>Writes one file.</summary>
    public static void Write(string path, IReadOnlyList<StoredTensor> tensors, StoredType type)
    {
        var header = new Dictionary<string, object> { ["__metadata__"] = new { format = "pt" } };
        long offset = 0;
        foreach (var tensor in tensors)
        {
            var end = offset + (long)tensor.Values.Length * type.Size();
            header[tensor.Name] = new { dtype = type.ToString(), shape = tensor.Shape, data_offsets = new[] { offset, end } };
            offset = end;
        }
        var json = JsonSerializer.Serialize(header);
        var headerBytes = System.Text.Encoding.UTF8.GetBytes(json.PadRight((json.Length + 7) / 8 * 8));

        using var file = File.Create(path);
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, headerBytes.Length);
        file.Write(length);
        file.Write(headerBytes);
        foreach (var tensor in tensors)
        {
            var bytes = new byte[tensor.Values.Length * type.Size()];
            for (var i = 0; i < tensor.Values.Length; i++) type.Write(bytes.AsSpan(i * type.Size(), type.Size()), tensor.Values[i]);
            file.Write(bytes);
        }
    }

    /// <summary>Reads one file whole.</summary>
    public static IEnumerable<StoredTensor> Read(string path)
    {
        var bytes = File.ReadAllBytes(path);
        var data = 8 + checked((int)BinaryPrimitives.ReadInt64LittleEndian(bytes));
        using var header = JsonDocument.Parse(bytes.AsMemory(8, data - 8));
        foreach (var entry in header.RootElement.EnumerateObject().Where(e => e.Name != "__metadata__"))
        {
            var type = Enum.Parse<StoredType>(entry.Value.GetProperty("dtype").GetString()!);
            var shape = entry.Value.GetProperty("shape").EnumerateArray().Select(n => n.GetInt32()).ToArray();
            var start = data + entry.Value.GetProperty("data_offsets")[0].GetInt32();
            var values = new float[shape.Aggregate(1, (a, b) => a * b)];
            for (var i = 0; i < values.Length; i++) values[i] = type.Read(bytes.AsSpan(start + i * type.Size(), type.Size()));
            yield return new(entry.Name, shape, values);
        }
    }
}
