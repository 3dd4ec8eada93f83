namespace Faith.Engine.Tokenizers;

/// <summary>A tokenizer with another token before every text, or none.</summary>
/// <param name="tokenizer">Does everything else.</param>
/// <param name="beginToken">The token, or null.</param>
internal sealed class BeginTokenOverride(Tokenizer tokenizer, int? beginToken) : Tokenizer
{
    /// <inheritdoc/>
    public override int Count => tokenizer.Count;

    /// <inheritdoc/>
    public override int? BeginToken => beginToken;

    /// <inheritdoc/>
    public override int[] Encode(string text, CancellationToken cancellation = default) => tokenizer.Encode(text, cancellation);

    /// <inheritdoc/>
    public override string Decode(ReadOnlySpan<int> ids) => tokenizer.Decode(ids);

    /// <inheritdoc/>
    public override string TokenText(int id) => tokenizer.TokenText(id);
}
