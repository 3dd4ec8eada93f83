using Faith.Engine.Tokenizers;

namespace Faith.Engine.Data;

/// <summary>How a text becomes a prompt.</summary>
public static class PromptEncoding
{
    /// <summary>The ids of a text, with the token that starts every text before them exactly once: a text that spells it gets no second one.</summary>
    /// <param name="tokenizer">The model's.</param>
    /// <param name="text">The text.</param>
    /// <param name="cancellation">Stops within a long text.</param>
    public static int[] EncodePrompt(this Tokenizer tokenizer, string text, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        var ids = tokenizer.Encode(text, cancellation);
        return tokenizer.BeginToken is not { } begin || (ids.Length > 0 && ids[0] == begin) ? ids : [begin, .. ids];
    }
}
