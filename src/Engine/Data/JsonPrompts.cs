using System.Text.Json;

namespace Faith.Engine.Data;

/// <summary>
/// Examples as objects: "clean" and "corrupted" (a text or a list of ids) and "answers" and "distractors" (lists of texts or ids), or the fields that
/// stand for them. A field that is null counts as missing; other fields are ignored.
/// </summary>
internal static class JsonPrompts
{
    /// <summary>The examples of rows.</summary>
    /// <param name="columns">The fields; null: those of the project's own form, where answers are lists.</param>
    /// <param name="wantsSpans">Whether spans are read.</param>
    public static IEnumerable<ExampleDraft> Read(IEnumerable<JsonRow> rows, PromptColumns? columns, bool wantsSpans)
    {
        var named = columns ?? PromptColumns.Default;
        return rows.Select(row => row.Read((r, root) => new ExampleDraft(r.Place, Prompt(r, root, named.Clean) ?? throw r.Error($"{PlainText.Quote(named.Clean)} is missing{Fields(root, columns)}"),
            Prompt(r, root, named.Corrupted), Tokens(r, root, named.Answers, columns is not null), Tokens(r, root, named.Distractors, columns is not null))
        {
            Spans = wantsSpans ? Spans(r, root, named.Spans) : null,
        }));
    }

    private static PromptSpan[]? Spans(JsonRow row, JsonElement root, string field)
    {
        if (JsonRow.Find(root, field) is not { } value) return null;
        if (value.ValueKind != JsonValueKind.Object) throw row.Error($"{PlainText.Quote(field)} is {JsonRow.Kind(value)}; it must be an object such as {{\"subject\": [1, 3]}}");
        var spans = new List<PromptSpan>();
        foreach (var span in value.EnumerateObject())
        {
            int[] ends = span.Value.ValueKind != JsonValueKind.Array ? [] : [.. span.Value.EnumerateArray().Take(3).Select(end => end.ValueKind == JsonValueKind.Number && end.TryGetInt32(out var at) ? at : -1)];
            if (ends is not [>= 0, >= 0]) throw row.Error($"{PlainText.Quote(span.Name)} in {PlainText.Quote(field)} must be the number of its first token and that after its last, as in [1, 3]");
            spans.Add(new(span.Name, ends[0], ends[1]));
        }
        return [.. spans];
    }

    // What there is instead, where names were given.
    private static string Fields(JsonElement root, PromptColumns? columns) =>
        columns is null ? "" : $"; the row has {PlainText.Short(string.Join(", ", root.EnumerateObject().Select(field => field.Name)), 200)}";

    private static PromptDraft? Prompt(JsonRow row, JsonElement root, string field)
    {
        if (JsonRow.Find(root, field) is not { } value) return null;
        if (value.ValueKind == JsonValueKind.String) return new(value.GetString()!);
        if (value.ValueKind != JsonValueKind.Array) throw row.Error($"{PlainText.Quote(field)} is {JsonRow.Kind(value)}; it must be a text or a list of token ids");
        // Enumerated: an element by its number is looked for from the start.
        var ids = new List<int>(value.GetArrayLength());
        foreach (var element in value.EnumerateArray())
        {
            if (element.ValueKind != JsonValueKind.Number) throw row.Error($"{PlainText.Quote(field)} holds {JsonRow.Kind(element)}; a list must hold token ids only");
            ids.Add(Id(row, element, field));
        }
        return new(ids.ToArray());
    }

    private static TokenDraft[]? Tokens(JsonRow row, JsonElement root, string field, bool mayBeOne)
    {
        if (JsonRow.Find(root, field) is not { } value) return null;
        if (mayBeOne && value.ValueKind is JsonValueKind.String or JsonValueKind.Number) return [Token(row, value, field)];
        if (value.ValueKind != JsonValueKind.Array) throw row.Error($"{PlainText.Quote(field)} is {JsonRow.Kind(value)}; it must be a list of tokens or token ids");
        var tokens = new List<TokenDraft>(value.GetArrayLength());
        foreach (var element in value.EnumerateArray()) tokens.Add(Token(row, element, field));
        return [.. tokens];
    }

    private static TokenDraft Token(JsonRow row, JsonElement value, string field) => value.ValueKind switch
    {
        JsonValueKind.String => new(value.GetString()!),
        JsonValueKind.Number => new(Id(row, value, field)),
        _ => throw row.Error($"{PlainText.Quote(field)} holds {JsonRow.Kind(value)}; it must be a list of tokens or token ids"),
    };

    private static int Id(JsonRow row, JsonElement value, string field) =>
        value.TryGetInt32(out var id) ? id : throw row.Error($"{PlainText.Quote(value.GetRawText())} in {PlainText.Quote(field)} is not a token id; ids are whole numbers");
}
