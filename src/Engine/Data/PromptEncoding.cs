using Faith.Engine.Tokenizers;

namespace Faith.Engine.Data;

/// <summary>How a text becomes a prompt.</summary>
public static class PromptEncoding
{
    /// <summary>The ids of a text, with the token that starts every text before them exactly once: a text that spells it gets no second one.</summary>
    public static int[] EncodePrompt(this Tokenizer tokenizer, string text)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        var ids = tokenizer.Encode(text);
        return tokenizer.BeginToken is not { } begin || (ids.Length > 0 && ids[0] == begin) ? ids : [begin, .. ids];
    }
}
