namespace Faith.Engine.Tokenizers;

/// <summary>Reads a tokenizer.json of Hugging Face whose model is BPE.</summary>
internal static class TokenizerJson
{
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
        BytePairModel bytePairs = ReadModel(model, vocabulary);
        if (root.Optional("added_tokens") is { } added)
            ReadAddedTokens(added, vocabulary);
        var parts = new PartReader();
        Normalizer? normalizer = root.Optional("normalizer") is { } first ? parts.Normalizer(first) : null;
        PreTokenizer? preTokenizer = root.Optional("pre_tokenizer") is { } second ? parts.PreTokenizer(second) : null;
        TokenDecoder? decoder = root.Optional("decoder") is { } last ? parts.Decoder(last) : null;
        int? begin = beginToken(vocabulary, root);
        return new PipelineTokenizer(path, vocabulary, normalizer, preTokenizer, bytePairs, decoder, begin);
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
    public static (string Left, string Right) Merge(string[] sides, Vocabulary vocabulary, Func<string, InputException> error)
    {
        if (sides.Length != 2)
            throw error("expected two tokens with a space between them, or a list of two.");
        foreach (string token in new[] { sides[0], sides[1], sides[0] + sides[1] })
        {
            if (token.Contains(' ', StringComparison.Ordinal))
                throw error($"{PlainText.Name(token)} has a space in it, which is not supported in a merge.");
            if (!vocabulary.Model.ContainsKey(token))
                throw error($"{PlainText.Name(token)} is not in the vocabulary; the two sides of a merge and their union must be.");
        }
        return (sides[0], sides[1]);
    }

    /// <summary>The merges in order. Of one that is listed twice the later place counts, as in the original.</summary>
    public static IEnumerable<(string Left, string Right)> InOrder(IEnumerable<(string Left, string Right)> merges) => merges.Reverse().Distinct().Reverse();

    private static BytePairModel ReadModel(JsonInput model, Vocabulary vocabulary)
    {
        if (model.Optional("dropout") is { IsZero: false } dropout)
            throw dropout.Error("dropout makes tokens random; expected null or 0.");
        foreach (string affix in new[] { "continuing_subword_prefix", "end_of_word_suffix" })
        {
            if (model.Optional(affix) is { } given && given.Text().Length > 0)
                throw given.Error($"{PlainText.Name(given.Text())} is not supported; only an empty one is.");
        }
        var options = new BytePairOptions
        {
            UnknownToken = model.Optional("unk_token")?.Text(),
            FuseUnknown = model.Flag("fuse_unk", absent: false),
            ByteFallback = model.Flag("byte_fallback", absent: false),
            IgnoreMerges = model.Flag("ignore_merges", absent: false),
        };
        List<(string Left, string Right)> merges = ReadMerges(model.Required("merges"), vocabulary);
        try
        {
            return new(vocabulary.Model, InOrder(merges), options);
        }
        catch (InputException exception)
        {
            throw new InputException(model.Error(exception.Message).Message, exception);
        }
    }

    private static List<(string Left, string Right)> ReadMerges(JsonInput input, Vocabulary vocabulary)
    {
        var merges = new List<(string Left, string Right)>();
        foreach (JsonInput item in input.Items())
        {
            string[] sides = item.IsArray ? [.. item.Items().Take(3).Select(side => side.Text())] : item.Text().Split(' ', 4);
            if (!item.IsArray && sides[0].StartsWith("#version", StringComparison.Ordinal))
                continue;
            if (merges.Count == Vocabulary.MostMerges)
                throw item.Error($"more than {Vocabulary.MostMerges} merges are not supported.");
            merges.Add(Merge(sides, vocabulary, item.Error));
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
            AddedToken token = AddedToken.Read(id, content, item, item.Flag("normalized", absent: !special));
            if (id != expected || !vocabulary.TryAdd(token))
                throw idInput.Error($"{PlainText.Name(content)} has id {id}; {expected} would agree with the vocabulary.");
        }
    }
}
