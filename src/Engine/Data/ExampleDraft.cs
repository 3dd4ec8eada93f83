namespace Faith.Engine.Data;

/// <summary>A prompt as the data gives it: text or token ids.</summary>
internal readonly record struct PromptDraft(string? Text, int[]? Ids)
{
    public PromptDraft(string text) : this(text, null) { }
    public PromptDraft(int[] ids) : this(null, ids) { }
}

/// <summary>An answer as the data gives it: the text of one token, or its id.</summary>
internal readonly record struct TokenDraft(string? Text, int Id)
{
    public TokenDraft(string text) : this(text, -1) { }
    public TokenDraft(int id) : this(null, id) { }
}

/// <summary>An example as the data gives it.</summary>
/// <param name="Place">Where it stands, for messages: "line 3", "example 3".</param>
/// <param name="Corrupted">Null where the data do not say.</param>
/// <param name="Answers">Null where the data do not say.</param>
/// <param name="Distractors">Null where the data do not say.</param>
internal sealed record ExampleDraft(string Place, PromptDraft Clean, PromptDraft? Corrupted, IReadOnlyList<TokenDraft>? Answers, IReadOnlyList<TokenDraft>? Distractors)
{
    /// <summary>The named parts of the prompt, whose tokens count from the first after the begin token of a text; null where the data do not say, or nobody asked.</summary>
    public IReadOnlyList<PromptSpan>? Spans { get; init; }
}
