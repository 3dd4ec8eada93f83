namespace Faith.Engine.Tokenizers;

/// <summary>Whether texts begin with the token that a model starts every text with.</summary>
public enum BeginTokenUse
{
    /// <summary>As the files of the tokenizer say.</summary>
    AsFilesSay,
    /// <summary>Always, also where only config.json names such a token.</summary>
    Prepend,
    /// <summary>Never.</summary>
    Omit,
}
