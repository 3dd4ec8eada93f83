using System.Text.Json;
using IOPath = System.IO.Path;

namespace Faith.Engine.Models;

/// <summary>
/// A model's config.json. Every value is asked for with the range it may have; what does not fit is an
/// <see cref="InputException"/> naming the file, the key, the value and what is supported. A key with null counts as absent.
/// </summary>
internal sealed class ConfigFile
{
    /// <summary>No size of a model is larger; below it, products of two sizes cannot overflow a long.</summary>
    private const int LargestSize = 1 << 28;

    private readonly JsonElement root;
    private readonly string prefix;

    private ConfigFile(string path, byte[] bytes, JsonElement root, string prefix)
    {
        Path = path;
        Bytes = bytes;
        this.root = root;
        this.prefix = prefix;
    }

    /// <summary>Where the file is.</summary>
    internal string Path { get; }
    /// <summary>Its contents.</summary>
    internal byte[] Bytes { get; }

    /// <summary>The configuration of the model in a directory: config.json, or that of TransformerLens as a pickle; null where there is none.</summary>
    internal static string? PathIn(string directory) =>
        IOPath.Combine(directory, "config.json") is var json && File.Exists(json) ? json : PickledConfig.Find(directory);

    /// <summary>Reads a file.</summary>
    internal static ConfigFile Read(string path)
    {
        var (bytes, root) = path.EndsWith(".pkl", StringComparison.Ordinal) ? PickledConfig.Read(path) : JsonFile.Read(path);
        return new ConfigFile(path, bytes, root, "");
    }

    /// <summary>A size: a whole number from 1; <paramref name="otherwise"/> when absent, an error when that is null too.</summary>
    internal int Size(string key, int? otherwise = null)
    {
        if (Find(key) is not { } value) return otherwise ?? throw Missing(key, "a whole number of at least 1");
        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var size) && size is >= 1 and <= LargestSize) return size;
        throw Unsupported(key, $"a whole number from 1 to {LargestSize}");
    }

    /// <summary>A length that prompts may have: a whole number from 1 that no memory is taken by.</summary>
    internal int Length(string key) => Find(key) is null ? throw Missing(key, "a whole number of at least 1") : Whole(key, 1, 0);

    /// <summary>A whole number from 0 that no memory is taken by.</summary>
    internal int Count(string key, int otherwise) => Whole(key, 0, otherwise);

    private int Whole(string key, int least, int otherwise)
    {
        if (Find(key) is not { } value) return otherwise;
        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number >= least) return number;
        throw Unsupported(key, $"a whole number from {least} to {int.MaxValue}");
    }

    /// <summary>A positive finite number.</summary>
    internal double Positive(string key, double? otherwise = null)
    {
        if (Find(key) is not { } value)
        {
            return otherwise ?? throw Missing(key, "a positive number");
        }
        if (value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && number > 0 && double.IsFinite(number))
        {
            return number;
        }
        throw Unsupported(key, "a positive number");
    }

    /// <summary>A list of positive finite numbers.</summary>
    internal double[] Positives(string key)
    {
        const string Expected = "a list of positive numbers";
        if (Find(key) is not { } value) throw Missing(key, Expected);
        if (value.ValueKind != JsonValueKind.Array) throw Unsupported(key, Expected);
        return [.. value.EnumerateArray().Select(item =>
            item.ValueKind == JsonValueKind.Number && item.TryGetDouble(out var number) && number > 0 && double.IsFinite(number) ? number : throw Unsupported(key, Expected))];
    }

    /// <summary>A list of numbers 0 and 1.</summary>
    internal bool[] Bits(string key)
    {
        const string Expected = "a list of numbers 0 and 1";
        if (Find(key) is not { } value) throw Missing(key, Expected);
        if (value.ValueKind != JsonValueKind.Array) throw Unsupported(key, Expected);
        return [.. value.EnumerateArray().Select(item =>
            item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out var bit) && bit is (0 or 1) ? bit == 1 : throw Unsupported(key, Expected))];
    }

    /// <summary>ε of a norm: a positive number that single precision holds.</summary>
    internal float Epsilon(string key, double otherwise)
    {
        var value = (float)Positive(key, otherwise);
        return value > 0 && float.IsFinite(value) ? value : throw Unsupported(key, "a number between 1e-45 and 1e38");
    }

    /// <summary>A truth value.</summary>
    internal bool Flag(string key, bool otherwise) => Find(key)?.ValueKind switch
    {
        null => otherwise,
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Unsupported(key, "true or false"),
    };

    /// <summary>Fails unless a truth value is absent or as required.</summary>
    internal void Require(string key, bool required)
    {
        if (Flag(key, required) != required) throw Unsupported(key, required ? "true" : "false");
    }

    /// <summary>Text, or null when absent.</summary>
    internal string? Text(string key)
    {
        if (Find(key) is not { } value) return null;
        return Decode(value) ?? throw Unsupported(key, "a string");
    }

    /// <summary>A list of strings; empty when absent.</summary>
    internal string[] Texts(string key)
    {
        if (Find(key) is not { } value) return [];
        if (value.ValueKind != JsonValueKind.Array) throw Unsupported(key, "a list of strings");
        return [.. value.EnumerateArray().Select(item => Decode(item) ?? throw Unsupported(key, "a list of strings"))];
    }

    /// <summary>
    /// A token id, the first of a list of them, or null when absent. It may be outside the vocabulary: data of ids never use it, and
    /// text that begins with it is refused where it is read.
    /// </summary>
    internal int? Token(string key)
    {
        if (Find(key) is not { } value) return null;
        if (value.ValueKind == JsonValueKind.Array && value.GetArrayLength() > 0) value = value[0];
        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var id) && id >= 0) return id;
        throw Unsupported(key, $"null or a token id from 0 to {int.MaxValue}");
    }

    /// <summary>A value of a form of its own, or null when absent.</summary>
    internal JsonElement? Value(string key) => Find(key);

    /// <summary>An object inside this one, or null when absent.</summary>
    internal ConfigFile? Section(string key)
    {
        if (Find(key) is not { } value) return null;
        if (value.ValueKind != JsonValueKind.Object) throw Unsupported(key, "null or an object");
        return new ConfigFile(Path, Bytes, value, prefix + key + ".");
    }

    /// <summary>Whether a key is present and not null.</summary>
    internal bool Has(string key) => Find(key) is not null;

    /// <summary>True when the key is there and null.</summary>
    internal bool IsNull(string key) => root.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.Null;

    /// <summary>The error for a value that is not supported; says "absent" when the default is what does not fit.</summary>
    internal InputException Unsupported(string key, string supported)
    {
        var value = Find(key) is { } element ? PlainText.Short(element.GetRawText()) : "absent";
        return new InputException($"{Path}: {prefix}{key} is {value}; supported: {supported}");
    }

    /// <summary>An error about the whole file.</summary>
    internal InputException Bad(string what) => new($"{Path}: {what}");

    private InputException Missing(string key, string expected) => new($"{Path}: {prefix}{key} is missing; expected {expected}");

    private JsonElement? Find(string key) =>
        root.TryGetProperty(key, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private static string? Decode(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.String) return null;
        try
        {
            return value.GetString();
        }
        catch (InvalidOperationException)
        {
            // An escaped half of a surrogate pair is JSON but not text.
            return null;
        }
    }
}
