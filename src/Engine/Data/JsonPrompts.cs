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
    public static IEnumerable<ExampleDraft> Read(IEnumerable<JsonRow> rows, PromptColumns? columns)
    {
        var named = columns ?? PromptColumns.Default;
        return rows.Select(row => row.Read((r, root) => new ExampleDraft(r.Place, Prompt(r, root, named.Clean) ?? throw r.Error($"{PlainText.Quote(named.Clean)} is missing{Fields(root, columns)}"),
            Prompt(r, root, named.Corrupted), Tokens(r, root, named.Answers, columns is not null), Tokens(r, root, named.Distractors, columns is not null))));
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
