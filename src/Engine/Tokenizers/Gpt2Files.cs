using Faith.Engine.Files;
using Faith.Engine.Tokenizers.Parts;

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
    /// <exception cref="InputException">A file is unusable.</exception>
    public static Tokenizer Read(string directory)
    {
        var vocabulary = new Vocabulary();
        string vocabularyPath = Path.Combine(directory, VocabularyName);
        TokenizerJson.ReadVocabulary(JsonInput.Read(vocabularyPath), vocabulary);
        var options = new BpeOptions();
        var model = new BpeModel(vocabulary.Model, ReadMerges(Path.Combine(directory, MergesName), vocabulary, options), options);
        JsonInput? config = ReadIfThere(directory, "tokenizer_config.json");
        ReadAddedTokens(ReadIfThere(directory, "added_tokens.json"), config?.Optional("added_tokens_decoder"), vocabulary);
        ReadSpecialTokens(ReadIfThere(directory, "special_tokens_map.json"), vocabulary);
        ReadSpecialTokens(config, vocabulary);
        // What both tokenizers of this layout take for special where no file says otherwise.
        if (vocabulary.Find(EndOfText) is { } end && vocabulary.Added.All(token => token.Content != EndOfText))
            vocabulary.TryAdd(new AddedToken(end, EndOfText));
        return new PipelineTokenizer(
            vocabularyPath, vocabulary, null, new ByteLevelPreTokenizer(config?.Flag("add_prefix_space", absent: false) ?? false, useRegex: true), model,
            new ByteLevelDecoder(), BeginTokens.FromDirectory(directory, vocabulary, null));
    }

    private static JsonInput? ReadIfThere(string directory, string name)
    {
        string path = Path.Combine(directory, name);
        return RegularFile.IsThere(path) ? JsonInput.Read(path) : null;
    }

    private static Dictionary<(int Left, int Right), (int Rank, int Merged)> ReadMerges(
        string path, Vocabulary vocabulary, BpeOptions options)
    {
        var merges = new Dictionary<(int Left, int Right), (int Rank, int Merged)>();
        try
        {
            using var lines = new StreamReader(new MemoryStream(RegularFile.ReadAll(path, FileUse.Model, LargestMerges, mayBeEmpty: true)));
            int number = 0;
            int rank = 0;
            while (lines.ReadLine() is { } line)
            {
                number++;
                if (line.Length == 0 || line.StartsWith("#version", StringComparison.Ordinal))
                    continue;
                InputException Error(string message) => new($"{path}: line {number}: {message}");
                string[] sides = line.Split(' ', 4);
                if (sides.Length != 2)
                    throw Error("expected two tokens with a space between them.");
                ((int Left, int Right) pair, int merged) = TokenizerJson.Merge(sides[0], sides[1], vocabulary, options, Error);
                if (rank == Vocabulary.MostMerges)
                    throw Error($"more than {Vocabulary.MostMerges} merges are not supported.");
                merges[pair] = (rank++, merged);
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

    private static AddedToken FromObject(int id, JsonInput token) => new(id, token.Required("content").Text())
    {
        SingleWord = token.Flag("single_word", absent: false),
        LeftStrip = token.Flag("lstrip", absent: false),
        RightStrip = token.Flag("rstrip", absent: false),
    };

    private static void Add(JsonInput input, AddedToken token, Vocabulary vocabulary)
    {
        if (!vocabulary.TryAdd(token))
            throw input.Error($"{PlainText.Name(token.Content)} with id {token.Id} disagrees with the tokens read before.");
    }
}
