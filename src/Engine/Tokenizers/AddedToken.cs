namespace Faith.Engine.Tokenizers;

/// <summary>A token that is cut out of the text before the model sees it.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Content">Its text.</param>
internal sealed record AddedToken(int Id, string Content)
{
    /// <summary>Whether it takes the white space before it along.</summary>
    public bool LeftStrip { get; init; }

    /// <summary>Whether it takes the white space after it along.</summary>
    public bool RightStrip { get; init; }

    /// <summary>Whether it is looked for in the normalized text, normalized itself.</summary>
    public bool Normalized { get; init; }

    /// <summary>A token with the options that a file gives it.</summary>
    /// <exception cref="InputException">It has one that is not supported.</exception>
    public static AddedToken Read(int id, string content, JsonInput options, bool normalized)
    {
        if (options.Flag("single_word", absent: false))
            throw options.Error("single_word is not supported.");
        return new(id, content) { LeftStrip = options.Flag("lstrip", absent: false), RightStrip = options.Flag("rstrip", absent: false), Normalized = normalized };
    }
}
