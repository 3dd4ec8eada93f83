namespace Faith.Engine.Tokenizers;

/// <summary>Text to token ids and back.</summary>
public abstract class Tokenizer
{
    /// <summary>Number of ids, added tokens included.</summary>
    public abstract int Count { get; }

    /// <summary>Token prepended to every text, or null.</summary>
    public abstract int? BeginToken { get; }

    /// <summary>Ids of a text, nothing prepended or appended.</summary>
    /// <param name="text">The text.</param>
    /// <param name="cancellation">Stops within a long text.</param>
    public abstract int[] Encode(string text, CancellationToken cancellation = default);

    /// <summary>Text of ids; bytes that are not UTF-8 become U+FFFD. Special tokens appear as their text.</summary>
    public abstract string Decode(ReadOnlySpan<int> ids);

    /// <summary>One token as text, for tables and messages, with the space that it stands for inside a text.</summary>
    public virtual string TokenText(int id) => Decode([id]);
}
