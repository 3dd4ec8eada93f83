using Faith.Engine.Tokenizers.Parts;

namespace Faith.Engine.Tokenizers;

/// <summary>Reads a tokenizer.json of Hugging Face whose model is BPE.</summary>
internal static class TokenizerJson
{
    private const int LongestAffix = 32;

    /// <summary>The tokenizer of a file; the begin token is what the reader of begin tokens finds, given the vocabulary.</summary>
    /// <exception cref="InputException">The file is unusable or asks for something that is not supported.</exception>
    public static Tokenizer Read(string path, Func<Vocabulary, JsonInput, int?> beginToken)
    {
        JsonInput root = JsonInput.Read(path);
        JsonInput model = root.Required("model");
        string type = model.Optional("type")?.Text() ?? "BPE";
        if (type != "BPE")
            throw model.Error($"model type {PlainText.Name(type)} is not supported; BPE is.");
        var vocabulary = new Vocabulary();
        ReadVocabulary(model.Required("vocab"), vocabulary);
        BpeOptions options = ReadOptions(model);
        var bpe = new BpeModel(vocabulary.Model, ReadMerges(model.Required("merges"), vocabulary, options), options);
        if (root.Optional("added_tokens") is { } added)
            ReadAddedTokens(added, vocabulary);
        var parts = new PartReader();
        Normalizer? normalizer = root.Optional("normalizer") is { } first ? parts.Normalizer(first) : null;
        PreTokenizer? preTokenizer = root.Optional("pre_tokenizer") is { } second ? parts.PreTokenizer(second) : null;
        TokenDecoder? decoder = root.Optional("decoder") is { } last ? parts.Decoder(last) : null;
        int? begin = beginToken(vocabulary, root);
        return new PipelineTokenizer(path, vocabulary, normalizer, preTokenizer, bpe, decoder, begin);
    }

    /// <summary>Adds the tokens of {token: id, …} to the model's vocabulary.</summary>
    public static void ReadVocabulary(JsonInput input, Vocabulary vocabulary)
    {
        foreach ((string token, JsonInput id) in input.Properties())
        {
            int value = id.Number(Vocabulary.LargestId);
            if (token.Length > Vocabulary.LongestToken)
                throw id.Error($"is a token of {token.Length} characters; at most {Vocabulary.LongestToken} are supported.");
            if (!vocabulary.TryAdd(token, value))
                throw id.Error($"id {value} belongs to {PlainText.Name(vocabulary.Token(value) ?? token)} already; each id must have one token.");
        }
        if (vocabulary.Model.Count == 0)
            throw input.Error("expected at least one token.");
    }

    /// <summary>The merge of two tokens, or an exception that says which token is missing.</summary>
    public static ((int Left, int Right) Pair, int Merged) Merge(
        string left, string right, Vocabulary vocabulary, BpeOptions options, Func<string, InputException> error)
    {
        if (!right.StartsWith(options.ContinuingPrefix, StringComparison.Ordinal))
            throw error($"{PlainText.Name(right)} does not start with the continuing_subword_prefix {PlainText.Name(options.ContinuingPrefix)}.");
        return ((Id(left), Id(right)), Id(left + right[options.ContinuingPrefix.Length..]));

        int Id(string token) => vocabulary.Model.TryGetValue(token, out int id)
            ? id
            : throw error($"{PlainText.Name(token)} is not in the vocabulary; the two sides of a merge and their union must be.");
    }

    private static BpeOptions ReadOptions(JsonInput model)
    {
        if (model.Optional("dropout") is { IsZero: false } dropout)
            throw dropout.Error("dropout makes tokens random; expected null or 0.");
        return new BpeOptions
        {
            UnknownToken = model.Optional("unk_token")?.Text(),
            FuseUnknown = model.Flag("fuse_unk", absent: false),
            ByteFallback = model.Flag("byte_fallback", absent: false),
            ContinuingPrefix = Affix("continuing_subword_prefix"),
            EndSuffix = Affix("end_of_word_suffix"),
            IgnoreMerges = model.Flag("ignore_merges", absent: false),
        };

        // Written beside every character of a text.
        string Affix(string name)
        {
            if (model.Optional(name) is not { } given)
                return "";
            string affix = given.Text();
            return affix.Length <= LongestAffix ? affix : throw given.Error($"is {affix.Length} characters long; at most {LongestAffix} are supported.");
        }
    }

    private static Dictionary<(int Left, int Right), (int Rank, int Merged)> ReadMerges(
        JsonInput input, Vocabulary vocabulary, BpeOptions options)
    {
        var merges = new Dictionary<(int Left, int Right), (int Rank, int Merged)>();
        int rank = 0;
        foreach (JsonInput item in input.Items())
        {
            string[] sides = item.IsArray ? [.. item.Items().Take(3).Select(side => side.Text())] : item.Text().Split(' ', 4);
            if (!item.IsArray && sides[0].StartsWith("#version", StringComparison.Ordinal))
                continue;
            if (sides.Length != 2)
                throw item.Error("expected two tokens: \"a b\" or [\"a\", \"b\"].");
            ((int Left, int Right) pair, int merged) = Merge(sides[0], sides[1], vocabulary, options, item.Error);
            if (rank == Vocabulary.MostMerges)
                throw item.Error($"more than {Vocabulary.MostMerges} merges are not supported.");
            // Of a merge listed twice the later place counts, as in the original.
            merges[pair] = (rank++, merged);
        }
        return merges;
    }

    private static void ReadAddedTokens(JsonInput input, Vocabulary vocabulary)
    {
        foreach (JsonInput item in input.Items())
        {
            string content = item.Required("content").Text();
            JsonInput idInput = item.Required("id");
            int id = idInput.Number(Vocabulary.LargestId);
            bool special = item.Flag("special", absent: false);
            if (content.Length == 0)
                continue;
            // The original numbers tokens that the model does not know itself and ignores the id of the file, with a warning.
            // Where the two differ nobody can tell which rows of the embedding are meant.
            int expected = vocabulary.Find(content) ?? vocabulary.NextAddedId();
            var token = new AddedToken(id, content)
            {
                SingleWord = item.Flag("single_word", absent: false),
                LeftStrip = item.Flag("lstrip", absent: false),
                RightStrip = item.Flag("rstrip", absent: false),
                Normalized = item.Flag("normalized", absent: !special),
            };
            if (id != expected || !vocabulary.TryAdd(token))
                throw idInput.Error($"{PlainText.Name(content)} has id {id}; {expected} would agree with the vocabulary.");
        }
    }
}
