using System.Text.Json;

namespace Faith.Engine.Models;

/// <summary>One tensor as the header describes it; offsets count from the end of the header.</summary>
internal sealed record TensorEntry(string Name, ElementType Type, string TypeName, long[] Shape, long Begin, long End);

/// <summary>
/// The JSON header of a safetensors file. Everything in it is checked against the size of the file before anything is read
/// through it: the tensors must cover the data exactly once.
/// </summary>
internal static class SafetensorsHeader
{
    /// <summary>Tensors of a header, in the order of their data, and its notes.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="json">The header's bytes.</param>
    /// <param name="dataBytes">Bytes of the file after the header.</param>
    /// <exception cref="InputException">The header is malformed or does not fit the data.</exception>
    internal static (List<TensorEntry> Tensors, IReadOnlyDictionary<string, string> Metadata) Parse(string path, byte[] json, long dataBytes)
    {
        var entries = new List<TensorEntry>();
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        try
        {
            using var document = JsonFile.Parse(json);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw new InputException($"{path}: the safetensors header must be a JSON object");
            }
            var names = new HashSet<string>(StringComparer.Ordinal);
            foreach (var property in document.RootElement.EnumerateObject())
            {
                if (!names.Add(property.Name))
                {
                    throw new InputException($"{path}: tensor {PlainText.Name(property.Name)} is described twice");
                }
                if (property.Name == "__metadata__") ReadMetadata(path, property.Value, metadata);
                else entries.Add(ParseEntry(path, property.Name, property.Value, dataBytes));
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: a string with an escaped half of a surrogate pair cannot become a .NET string.
            throw new InputException($"{path}: the safetensors header is not valid JSON: {PlainText.Short(e.Message, 200)}", e);
        }
        CheckCoverage(path, entries, dataBytes);
        return (entries, metadata);
    }

    private static void ReadMetadata(string path, JsonElement value, Dictionary<string, string> metadata)
    {
        InputException Bad() => new($"{path}: __metadata__ in the safetensors header must map strings to strings");

        if (value.ValueKind != JsonValueKind.Object) throw Bad();
        foreach (var property in value.EnumerateObject())
        {
            metadata[property.Name] = property.Value.ValueKind == JsonValueKind.String ? property.Value.GetString()! : throw Bad();
        }
    }

    private static TensorEntry ParseEntry(string path, string name, JsonElement value, long dataBytes)
    {
        InputException Bad(string what) => new($"{path}: tensor {PlainText.Name(name)}: {what}");

        if (value.ValueKind != JsonValueKind.Object) throw Bad("must be an object with dtype, shape and data_offsets");
        JsonElement? dtype = null, shape = null, offsets = null;
        foreach (var field in value.EnumerateObject())
        {
            ref var slot = ref dtype;
            switch (field.Name)
            {
                case "dtype": break;
                case "shape": slot = ref shape; break;
                case "data_offsets": slot = ref offsets; break;
                default: throw Bad($"unknown field {PlainText.Name(field.Name)}; expected dtype, shape and data_offsets");
            }
            if (slot is not null) throw Bad($"{field.Name} is given twice");
            slot = field.Value;
        }

        if (dtype is not { ValueKind: JsonValueKind.String } typeElement) throw Bad("dtype must be a string");
        var typeName = typeElement.GetString()!;
        if (!ElementTypes.TryFind(typeName, out var type, out var bits))
        {
            throw Bad($"unknown dtype {PlainText.Name(typeName)}; the format has {ElementTypes.Known}");
        }

        var dimensions = ParseIntegers(shape) ?? throw Bad("shape must be a list of whole numbers of at least 0");
        Int128 size = bits;
        foreach (var dimension in dimensions)
        {
            size *= dimension;
            if (size > (Int128)long.MaxValue * 8) throw Bad($"shape {Wording.Shape(dimensions)} is too large");
        }
        if (size % 8 != 0) throw Bad($"shape {Wording.Shape(dimensions)} of {typeName} does not end on a whole byte");

        if (ParseIntegers(offsets) is not [var begin, var end]) throw Bad("data_offsets must be two whole numbers of at least 0");
        if (begin > end || end > dataBytes)
        {
            throw Bad($"data_offsets [{begin}, {end}] are outside the {dataBytes} bytes of data; the file may be cut short");
        }
        if (end - begin != size / 8)
        {
            throw Bad($"data_offsets [{begin}, {end}] hold {end - begin} bytes, "
                + $"but {typeName} {Wording.Shape(dimensions)} takes {size / 8}");
        }
        return new TensorEntry(name, type, typeName, dimensions, begin, end);
    }

    private static long[]? ParseIntegers(JsonElement? element)
    {
        if (element is not { ValueKind: JsonValueKind.Array } array) return null;
        var result = new long[array.GetArrayLength()];
        var i = 0;
        foreach (var item in array.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt64(out result[i]) || result[i] < 0) return null;
            i++;
        }
        return result;
    }

    private static void CheckCoverage(string path, List<TensorEntry> entries, long dataBytes)
    {
        entries.Sort((a, b) => (a.Begin, a.End).CompareTo((b.Begin, b.End)));
        var position = 0L;
        string? previous = null;
        foreach (var entry in entries)
        {
            if (entry.Begin < position)
            {
                throw new InputException($"{path}: tensors {PlainText.Name(previous!)} and {PlainText.Name(entry.Name)} overlap");
            }
            if (entry.Begin > position)
            {
                throw new InputException(
                    $"{path}: {entry.Begin - position} bytes before tensor {PlainText.Name(entry.Name)} belong to no tensor");
            }
            position = entry.End;
            previous = entry.Name;
        }
        if (position != dataBytes)
        {
            throw new InputException($"{path}: the last {dataBytes - position} bytes belong to no tensor");
        }
    }
}
