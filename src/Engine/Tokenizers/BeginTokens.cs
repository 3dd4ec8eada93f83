using Faith.Engine.Files;

namespace Faith.Engine.Tokenizers;

/// <summary>
/// Which token a model puts before every text: bos_token of tokenizer_config.json or, in older directories, of special_tokens_map.json, else what
/// the tokenizer's own template starts with, else bos_token_id of config.json, unless the tokenizer_config.json
/// has a bos_token of null: so Qwen2's directories say that there is none, whatever their config.json has.
/// </summary>
internal static class BeginTokens
{
    /// <summary>The begin token as the files of a model directory tell it, or null.</summary>
    /// <param name="tokenizer">The root of tokenizer.json, if there is one.</param>
    /// <exception cref="InputException">A file names a token that does not exist.</exception>
    public static int? FromDirectory(string directory, Vocabulary vocabulary, JsonInput? tokenizer)
    {
        string settings = Path.Combine(directory, "tokenizer_config.json");
        return FromNames(settings, vocabulary)
            ?? FromNames(Path.Combine(directory, "special_tokens_map.json"), vocabulary)
            ?? (tokenizer is { } root ? FromTemplate(vocabulary, root) : null)
            ?? (RegularFile.IsThere(settings) && JsonInput.Read(settings).IsNull("bos_token") ? null : FromConfig(Path.Combine(directory, "config.json"), vocabulary));
    }

    /// <summary>The special token that the post_processor of a tokenizer.json puts first, or null.</summary>
    public static int? FromTemplate(Vocabulary vocabulary, JsonInput root) =>
        root.Optional("post_processor") is { } processor ? FromProcessor(vocabulary, processor) : null;

    private static int? FromProcessor(Vocabulary vocabulary, JsonInput processor)
    {
        string type = processor.Required("type").Text();
        switch (type)
        {
            case "ByteLevel":
                return null;
            case "Sequence":
                return processor.Required("processors").Items().Select(item => FromProcessor(vocabulary, item)).FirstOrDefault(id => id is not null);
            case "BertProcessing" or "RobertaProcessing":
                JsonInput[] pair = [.. processor.Required("cls").Items().Take(3)];
                return pair.Length == 2 ? Known(vocabulary, pair[1]) : throw processor.Required("cls").Error("expected [token, id].");
            case "TemplateProcessing":
                JsonInput? first = null;
                foreach (JsonInput item in processor.Required("single").Items().Take(1))
                    first = item.Optional("SpecialToken")?.Required("id");
                if (first is not { } name)
                    return null;
                JsonInput entry = processor.Required("special_tokens").Required(name.Text());
                foreach (JsonInput id in entry.Required("ids").Items())
                    return Known(vocabulary, id);
                throw entry.Error("'ids' is empty.");
            default:
                throw processor.Error($"post-processor type {PlainText.Name(type)} is not supported; supported are TemplateProcessing, "
                    + "BertProcessing, RobertaProcessing, ByteLevel, Sequence.");
        }
    }

    private static int? FromNames(string path, Vocabulary vocabulary)
    {
        if (!RegularFile.IsThere(path) || JsonInput.Read(path).Optional("bos_token") is not { } token)
            return null;
        string content = (token.IsObject ? token.Required("content") : token).Text();
        return vocabulary.Find(content) ?? throw token.Error($"{PlainText.Name(content)} is not a token of this tokenizer.");
    }

    private static int? FromConfig(string path, Vocabulary vocabulary) =>
        RegularFile.IsThere(path) && JsonInput.Read(path).Optional("bos_token_id") is { } id ? Known(vocabulary, id) : null;

    private static int Known(Vocabulary vocabulary, JsonInput input)
    {
        int id = input.Number(Vocabulary.LargestId);
        return vocabulary.Token(id) is not null ? id : throw input.Error($"{id} is not the id of a token; with --no-bos texts begin with none.");
    }
}
