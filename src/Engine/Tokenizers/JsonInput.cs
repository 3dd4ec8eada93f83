using System.Text.Json;
using Faith.Engine.Files;
using Faith.Engine.Models;

namespace Faith.Engine.Tokenizers;

/// <summary>A value of a JSON file that knows its file and its place, so that what is wrong with it can be said.</summary>
internal readonly struct JsonInput
{
    private const long LargestFile = 256L << 20;

    // Six times what the largest known tokenizers have; each takes memory, of which a file can ask for far more than its own size.
    private const int MostValues = 1 << 24;

    private readonly JsonElement element;
    private readonly string file;

    private JsonInput(JsonElement element, string file, string place)
    {
        this.element = element;
        this.file = file;
        Place = place;
    }

    /// <summary>The path of the value inside its file.</summary>
    public string Place { get; }

    /// <summary>Reads a file whose root must be an object.</summary>
    /// <exception cref="InputException">The file cannot be read or is no JSON object.</exception>
    public static JsonInput Read(string path)
    {
        try
        {
            byte[] bytes = RegularFile.ReadAll(path, FileUse.Model, LargestFile);
            // Each value but the first follows one of these; those inside strings are counted too, which is a few.
            int values = bytes.Count((byte)',') + bytes.Count((byte)':') + bytes.Count((byte)'[');
            if (values > MostValues)
                throw new InputException($"{path}: has more than {MostValues} values; a usable file has far fewer.");
            var options = new JsonDocumentOptions { AllowDuplicateProperties = false };
            JsonElement root = JsonDocument.Parse(bytes.AsMemory(JsonFile.MarkLength(bytes)), options).RootElement;
            return root.ValueKind == JsonValueKind.Object ? new(root, path, "") : throw new InputException($"{path}: expected a JSON object.");
        }
        catch (JsonException exception)
        {
            string line = exception.LineNumber is { } number ? $" (line {number + 1})" : "";
            throw new InputException($"{path}: not valid JSON{line}: {PlainText.Short(exception.Message, 200)}", exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or NotSupportedException or InvalidOperationException)
        {
            // InvalidOperationException: an escaped lone surrogate in a property name.
            throw new InputException($"{path}: cannot be read: {PlainText.Short(exception.Message, 200)}", exception);
        }
    }

    /// <summary>What is wrong here, as an exception to throw.</summary>
    public InputException Error(string message) => new($"{file}: {(Place.Length == 0 ? "" : Place + ": ")}{message}");

    /// <summary>A property, or null when it is absent or null.</summary>
    public JsonInput? Optional(string name)
    {
        if (element.ValueKind != JsonValueKind.Object)
            throw Error("expected an object.");
        if (!element.TryGetProperty(name, out JsonElement value) || value.ValueKind == JsonValueKind.Null)
            return null;
        return new(value, file, Place.Length == 0 ? name : $"{Place}.{name}");
    }

    /// <summary>Whether a property is there and null.</summary>
    public bool IsNull(string name) => element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Null;

    /// <summary>A property that must be there.</summary>
    public JsonInput Required(string name) => Optional(name) ?? throw Error($"'{name}' is missing.");

    /// <summary>Whether the value is an object.</summary>
    public bool IsObject => element.ValueKind == JsonValueKind.Object;

    /// <summary>Whether the value is an array.</summary>
    public bool IsArray => element.ValueKind == JsonValueKind.Array;

    /// <summary>Whether the value is a string.</summary>
    public bool IsText => element.ValueKind == JsonValueKind.String;

    /// <summary>The value as a string.</summary>
    public string Text()
    {
        if (element.ValueKind != JsonValueKind.String)
            throw Error("expected a string.");
        try
        {
            return element.GetString()!;
        }
        catch (InvalidOperationException exception)
        {
            throw new InputException(Error("expected a string of valid Unicode, not half of a surrogate pair.").Message, exception);
        }
    }

    /// <summary>The value as a whole number from 0 to the largest given.</summary>
    public int Number(int largest) =>
        element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out int value) && value >= 0 && value <= largest
            ? value
            : throw Error($"expected a whole number from 0 to {largest}.");

    /// <summary>The value as true or false.</summary>
    public bool Flag() => element.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Error("expected true or false."),
    };

    /// <summary>Whether the value is the number zero.</summary>
    public bool IsZero => element.ValueKind == JsonValueKind.Number && element.TryGetDouble(out double value) && value == 0;

    /// <summary>A property that is true or false, with the value it has when absent.</summary>
    public bool Flag(string name, bool absent) => Optional(name)?.Flag() ?? absent;

    /// <summary>The elements of an array.</summary>
    public IEnumerable<JsonInput> Items()
    {
        if (element.ValueKind != JsonValueKind.Array)
            throw Error("expected an array.");
        int index = 0;
        foreach (JsonElement item in element.EnumerateArray())
            yield return new(item, file, $"{Place}[{index++}]");
    }

    /// <summary>The properties of an object.</summary>
    public IEnumerable<(string Name, JsonInput Value)> Properties()
    {
        if (element.ValueKind != JsonValueKind.Object)
            throw Error("expected an object.");
        foreach (JsonProperty property in element.EnumerateObject())
        {
            string name;
            try
            {
                name = property.Name;
            }
            catch (InvalidOperationException exception)
            {
                throw new InputException(Error("a name is half of a surrogate pair.").Message, exception);
            }
            yield return (name, new(property.Value, file, $"{Place}.{PlainText.Short(name)}"));
        }
    }
}
