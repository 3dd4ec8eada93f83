using Faith.Engine.Files;

namespace Faith.Engine.Tokenizers;

/// <summary>Reads the older layout of GPT-2: vocab.json, merges.txt and, where present, the files that name special tokens.</summary>
internal static class Gpt2Files
{
    /// <summary>File of {token: id, …}.</summary>
    public const string VocabularyName = "vocab.json";

    /// <summary>File of merges, one "a b" a line.</summary>
    public const string MergesName = "merges.txt";

    private const string EndOfText = "<|endoftext|>";

    private const long LargestMerges = 256L << 20;

    private static readonly string[] SpecialNames =
        ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

    /// <summary>The tokenizer of a directory.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="begin">The token that texts begin with, or null.</param>
    /// <exception cref="InputException">A file is unusable.</exception>
    public static Tokenizer Read(string directory, Func<Vocabulary, int?> begin)
    {
        var vocabulary = new Vocabulary();
        string vocabularyPath = Path.Combine(directory, VocabularyName);
        TokenizerJson.ReadVocabulary(JsonInput.Read(vocabularyPath), vocabulary);
        var model = new BytePairModel(vocabulary.Model, TokenizerJson.InOrder(ReadMerges(Path.Combine(directory, MergesName), vocabulary)), new());
        JsonInput? config = ReadIfThere(directory, "tokenizer_config.json");
        ReadAddedTokens(ReadIfThere(directory, "added_tokens.json"), config?.Optional("added_tokens_decoder"), vocabulary);
        ReadSpecialTokens(ReadIfThere(directory, "special_tokens_map.json"), vocabulary);
        ReadSpecialTokens(config, vocabulary);
        // What both tokenizers of this layout take for special where no file says otherwise.
        if (vocabulary.Find(EndOfText) is { } end && vocabulary.Added.All(token => token.Content != EndOfText))
            vocabulary.TryAdd(new AddedToken(end, EndOfText));
        return new PipelineTokenizer(
            vocabularyPath, vocabulary, null, PartReader.ByteLevel(config?.Flag("add_prefix_space", absent: false) ?? false, useRegex: true), model,
            PartReader.FromByteAlphabet, begin(vocabulary));
    }

    private static JsonInput? ReadIfThere(string directory, string name)
    {
        string path = Path.Combine(directory, name);
        return RegularFile.IsThere(path) ? JsonInput.Read(path) : null;
    }

    private static List<(string Left, string Right)> ReadMerges(string path, Vocabulary vocabulary)
    {
        var merges = new List<(string Left, string Right)>();
        try
        {
            using var lines = new StreamReader(new MemoryStream(RegularFile.ReadAll(path, FileUse.Model, LargestMerges, mayBeEmpty: true)));
            for (int number = 1; lines.ReadLine() is { } line; number++)
            {
                if (line.Length == 0 || line.StartsWith("#version", StringComparison.Ordinal))
                    continue;
                int place = number;
                InputException Error(string message) => new($"{path}: line {place}: {message}");
                if (merges.Count == Vocabulary.MostMerges)
                    throw Error($"more than {Vocabulary.MostMerges} merges are not supported.");
                merges.Add(TokenizerJson.Merge(line.Split(' ', 4), vocabulary, Error));
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{path}: cannot be read: {PlainText.Short(exception.Message, 200)}", exception);
        }
        return merges;
    }

    // Two files can list added tokens: {token: id} and, newer, {id: {"content": token, …}}.
    private static void ReadAddedTokens(JsonInput? byToken, JsonInput? byId, Vocabulary vocabulary)
    {
        foreach ((string content, JsonInput id) in byToken?.Properties() ?? [])
            Add(id, new AddedToken(id.Number(Vocabulary.LargestId), content), vocabulary);
        foreach ((string id, JsonInput token) in byId?.Properties() ?? [])
        {
            if (!int.TryParse(id, out int number) || number < 0 || number > Vocabulary.LargestId)
                throw token.Error($"expected an id from 0 to {Vocabulary.LargestId} as the name.");
            Add(token, FromObject(number, token), vocabulary);
        }
    }

    // Special tokens that are neither in the vocabulary nor given an id have no row in the model and are left out.
    private static void ReadSpecialTokens(JsonInput? file, Vocabulary vocabulary)
    {
        IEnumerable<JsonInput?> named = SpecialNames.Select(name => file?.Optional(name));
        IEnumerable<JsonInput?> others = file?.Optional("additional_special_tokens")?.Items().Select(item => (JsonInput?)item) ?? [];
        foreach (JsonInput? item in named.Concat(others))
        {
            if (item is not { } token)
                continue;
            string content = (token.IsObject ? token.Required("content") : token).Text();
            if (vocabulary.Find(content) is { } id)
                Add(token, token.IsObject ? FromObject(id, token) : new AddedToken(id, content), vocabulary);
        }
    }

    private static AddedToken FromObject(int id, JsonInput token) => AddedToken.Read(id, token.Required("content").Text(), token, normalized: false);

    private static void Add(JsonInput input, AddedToken token, Vocabulary vocabulary)
    {
        if (!vocabulary.TryAdd(token))
            throw input.Error($"{PlainText.Name(token.Content)} with id {token.Id} disagrees with the tokens read before.");
    }
}
