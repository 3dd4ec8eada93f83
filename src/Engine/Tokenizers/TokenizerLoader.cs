using Faith.Engine.Files;

namespace Faith.Engine.Tokenizers;

/// <summary>Finds and reads the tokenizer of a model.</summary>
public static class TokenizerLoader
{
    /// <summary>
    /// The tokenizer of a model directory in Hugging Face layout: tokenizer.json, else vocab.json + merges.txt (the layout of GPT-2);
    /// null when the directory has neither.
    /// </summary>
    /// <param name="modelDirectory">The directory.</param>
    /// <param name="begin">Where texts begin with no token of the model's, what the files say of one is not read; the tokenizer then has none.</param>
    /// <exception cref="InputException">A file is unusable or asks for something that is not supported.</exception>
    public static Tokenizer? TryLoad(string modelDirectory, BeginTokenUse begin = BeginTokenUse.AsFilesSay)
    {
        int? BeginToken(Vocabulary vocabulary, JsonInput? root) => begin == BeginTokenUse.Omit ? null : BeginTokens.FromDirectory(modelDirectory, vocabulary, root);
        string json = Path.Combine(modelDirectory, "tokenizer.json");
        if (RegularFile.IsThere(json))
            return TokenizerJson.Read(json, (vocabulary, root) => BeginToken(vocabulary, root));
        string vocab = Path.Combine(modelDirectory, Gpt2Files.VocabularyName);
        string merges = Path.Combine(modelDirectory, Gpt2Files.MergesName);
        return RegularFile.IsThere(vocab) && RegularFile.IsThere(merges) ? Gpt2Files.Read(modelDirectory, vocabulary => BeginToken(vocabulary, null)) : null;
    }

    /// <summary>
    /// The tokenizer of one tokenizer.json alone; its begin token is the special token its template starts with.
    /// </summary>
    /// <exception cref="InputException">The file is unusable or asks for something that is not supported.</exception>
    public static Tokenizer FromJson(string path) => TokenizerJson.Read(path, (vocabulary, root) => BeginTokens.FromTemplate(vocabulary, root));
}
