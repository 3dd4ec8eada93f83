using System.Text;
using System.Text.Json;

namespace Faith.Engine.Data;

/// <summary>
/// The JSONL form: one object a line with "clean" and "corrupted" (a text or a list of ids) and "answers" and "distractors"
/// (lists of texts or ids). A field that is null counts as missing; other fields are ignored, blank lines too. Every line has been through
/// <see cref="DataLines"/>.
/// </summary>
internal static class JsonLines
{
    private static readonly JsonDocumentOptions Options = new() { AllowDuplicateProperties = false };

    public static IEnumerable<ExampleDraft> Read(string source, byte[] file)
    {
        var start = file.AsSpan().StartsWith("\uFEFF"u8) ? 3 : 0;
        var isFirst = true;
        for (var line = 1; start < file.Length; line++)
        {
            var length = file.AsSpan(start).IndexOf((byte)'\n');
            var end = length < 0 ? file.Length : start + length;
            var content = file.AsMemory(start, end - start);
            var rest = isFirst ? file.AsMemory(start) : default;
            start = end + 1;
            if (content.Span.Trim(" \t\r"u8).IsEmpty) continue;
            isFirst = false;
            yield return new Line(source, line, content, rest).Parse();
        }
    }

    /// <summary>One line being read.</summary>
    /// <param name="rest">Of the first line with content, all of the file from there; else empty.</param>
    private readonly struct Line(string source, int number, ReadOnlyMemory<byte> content, ReadOnlyMemory<byte> rest)
    {
        private string Place => $"line {number}";

        public ExampleDraft Parse()
        {
            try
            {
                using var document = JsonDocument.Parse(content, Options);
                var root = document.RootElement;
                if (root.ValueKind == JsonValueKind.Array) throw Error("holds a list; JSONL has one object a line (jq -c '.[]' data.json > data.jsonl)");
                if (root.ValueKind != JsonValueKind.Object) throw Error($"holds {Kind(root)} where an object with \"clean\", \"corrupted\", \"answers\" and \"distractors\" is needed");
                return new(Place, Prompt(root, "clean") ?? throw Error("\"clean\" is missing"), Prompt(root, "corrupted"), Tokens(root, "answers"), Tokens(root, "distractors"));
            }
            catch (JsonException e)
            {
                if (GoesOnBelow()) throw new InputException(Error("is JSON over several lines; JSONL has one object a line (jq -c . data.json > data.jsonl, or '.[]' for a list)").Message, e);
                throw Malformed(e);
            }
            catch (InvalidOperationException e)
            {
                // Half of a surrogate pair, written as \ud800, in a name or a text: the reader finds it only when it unescapes.
                throw new InputException(Error("holds an escape that is half of a surrogate pair").Message, e);
            }
        }

        // An object or a list that is JSON laid out for people. Only the first line tells.
        private bool GoesOnBelow()
        {
            if (rest.Length == content.Length || rest.IsEmpty) return false;
            if (content.Span.Trim(" \t\r"u8) is [(byte)'{'] or [(byte)'[']) return true;
            try
            {
                var reader = new Utf8JsonReader(rest.Span);
                while (reader.Read()) { }
                return true;
            }
            catch (JsonException)
            {
                return false;
            }
        }

        // Tables that know no absent fields write null for them.
        private static bool IsGiven(JsonElement root, string field, out JsonElement value) =>
            root.TryGetProperty(field, out value) && value.ValueKind != JsonValueKind.Null;

        private PromptDraft? Prompt(JsonElement root, string field)
        {
            if (!IsGiven(root, field, out var value)) return null;
            if (value.ValueKind == JsonValueKind.String) return new(value.GetString()!);
            if (value.ValueKind != JsonValueKind.Array) throw Error($"\"{field}\" is {Kind(value)}; it must be a text or a list of token ids");
            // Enumerated: an element by its number is looked for from the start.
            var ids = new List<int>(value.GetArrayLength());
            foreach (var element in value.EnumerateArray())
            {
                if (element.ValueKind != JsonValueKind.Number) throw Error($"\"{field}\" holds {Kind(element)}; a list must hold token ids only");
                ids.Add(Id(element, field));
            }
            return new(ids.ToArray());
        }

        private TokenDraft[]? Tokens(JsonElement root, string field)
        {
            if (!IsGiven(root, field, out var value)) return null;
            if (value.ValueKind != JsonValueKind.Array) throw Error($"\"{field}\" is {Kind(value)}; it must be a list of tokens or token ids");
            var tokens = new List<TokenDraft>(value.GetArrayLength());
            foreach (var element in value.EnumerateArray())
            {
                tokens.Add(element.ValueKind switch
                {
                    JsonValueKind.String => new(element.GetString()!),
                    JsonValueKind.Number => new(Id(element, field)),
                    _ => throw Error($"\"{field}\" holds {Kind(element)}; it must be a list of tokens or token ids"),
                });
            }
            return [.. tokens];
        }

        private int Id(JsonElement value, string field) =>
            value.TryGetInt32(out var id) ? id : throw Error($"{PlainText.Quote(value.GetRawText())} in \"{field}\" is not a token id; ids are whole numbers");

        private InputException Error(string message) => new($"{source}, {Place}: {message}");

        private InputException Malformed(JsonException e)
        {
            // The reader counts bytes; people count characters.
            var bytes = (int)Math.Clamp(e.BytePositionInLine ?? 0, 0, content.Length);
            var column = Encoding.UTF8.GetCharCount(content.Span[..bytes]) + 1;
            var reason = e.Message;
            // The reader's own position comes after the reason and counts within the line alone.
            var cut = reason.IndexOf(" LineNumber:", StringComparison.Ordinal);
            return new($"{source}, {Place}, column {column}: not valid JSON ({PlainText.Short(cut < 0 ? reason : reason[..cut], 200).TrimEnd('.')})", e);
        }

        private static string Kind(JsonElement value) => value.ValueKind switch
        {
            JsonValueKind.Object => "an object",
            JsonValueKind.Array => "a list",
            JsonValueKind.String => "a text",
            JsonValueKind.Number => "a number",
            JsonValueKind.True or JsonValueKind.False => "a truth value",
            _ => "null",
        };
    }
}
