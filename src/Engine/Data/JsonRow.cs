using System.Text;
using System.Text.Json;

namespace Faith.Engine.Data;

/// <summary>A row of a data set as a JSON object.</summary>
/// <param name="Source">The file, for messages.</param>
/// <param name="Place">Where the row stands, for messages: "line 3".</param>
/// <param name="Content">The object.</param>
/// <param name="IsLine">True where the content begins where a line does, so that messages can name columns.</param>
internal readonly record struct JsonRow(string Source, string Place, ReadOnlyMemory<byte> Content, bool IsLine = false)
{
    private static readonly JsonDocumentOptions Options = new() { AllowDuplicateProperties = false };

    /// <summary>What <paramref name="read"/> takes from the object.</summary>
    /// <exception cref="InputException">It is no object, or no JSON.</exception>
    public T Read<T>(Func<JsonRow, JsonElement, T> read)
    {
        try
        {
            using var document = JsonDocument.Parse(Content, Options);
            var root = document.RootElement;
            if (root.ValueKind == JsonValueKind.Array) throw Error("holds a list; JSONL has one object a line, and a file that begins with a list is one list of objects");
            if (root.ValueKind != JsonValueKind.Object) throw Error($"holds {Kind(root)} where an object with \"clean\", \"corrupted\", \"answers\" and \"distractors\" is needed");
            return read(this, root);
        }
        catch (JsonException e)
        {
            throw Malformed(e);
        }
        catch (InvalidOperationException e)
        {
            // Half of a surrogate pair, written as \ud800, in a name or a text: the reader finds it only when it unescapes.
            throw new InputException(Error("holds an escape that is half of a surrogate pair").Message, e);
        }
    }

    /// <summary>The field at a path: one called so, or one within structs. Tables that know no absent fields write null for them, which counts as missing.</summary>
    public static JsonElement? Find(JsonElement root, string path)
    {
        if (root.ValueKind != JsonValueKind.Object) return null;
        if (root.TryGetProperty(path, out var whole)) return whole.ValueKind == JsonValueKind.Null ? null : whole;
        for (var dot = path.IndexOf('.', StringComparison.Ordinal); dot > 0; dot = path.IndexOf('.', dot + 1))
        {
            if (root.TryGetProperty(path[..dot], out var inner) && Find(inner, path[(dot + 1)..]) is { } found) return found;
        }
        return null;
    }

    /// <summary>What a value is, in words.</summary>
    public static string Kind(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        JsonValueKind.String => "a text",
        JsonValueKind.Number => "a number",
        JsonValueKind.True or JsonValueKind.False => "a truth value",
        _ => "null",
    };

    /// <summary>An error in this row.</summary>
    public InputException Error(string message) => new($"{Source}, {Place}: {message}");

    /// <summary>The error for what is no JSON.</summary>
    /// <param name="source">The file.</param>
    /// <param name="place">Where.</param>
    /// <param name="line">The line that the exception's position is in.</param>
    public static InputException Malformed(string source, string place, ReadOnlySpan<byte> line, JsonException e)
    {
        // The reader counts bytes; people count characters.
        var bytes = (int)Math.Clamp(e.BytePositionInLine ?? 0, 0, line.Length);
        return new($"{source}, {place}, column {Encoding.UTF8.GetCharCount(line[..bytes]) + 1}: not valid JSON ({Reason(e)})", e);
    }

    private InputException Malformed(JsonException e) => IsLine ? Malformed(Source, Place, Content.Span, e) : new($"{Source}, {Place}: not valid JSON ({Reason(e)})", e);

    // The reader's own position comes after the reason and counts within the line alone.
    private static string Reason(JsonException e) =>
        PlainText.Short(e.Message.IndexOf(" LineNumber:", StringComparison.Ordinal) is >= 0 and var cut ? e.Message[..cut] : e.Message, 200).TrimEnd('.');
}
