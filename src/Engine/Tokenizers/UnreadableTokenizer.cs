namespace Faith.Engine.Tokenizers;

/// <summary>
/// Stands for a tokenizer whose files cannot be used: data given as token ids need none, and only text says why it cannot be encoded.
/// </summary>
/// <param name="fault">What is wrong with the files.</param>
public sealed class UnreadableTokenizer(InputException fault) : Tokenizer
{
    /// <inheritdoc/>
    public override int Count => 0;

    /// <inheritdoc/>
    public override int? BeginToken => null;

    /// <inheritdoc/>
    /// <exception cref="InputException">Always.</exception>
    public override int[] Encode(string text, CancellationToken cancellation = default) => throw Fault();

    /// <inheritdoc/>
    /// <exception cref="InputException">Always.</exception>
    public override string Decode(ReadOnlySpan<int> ids) => throw Fault();

    private InputException Fault() => new(fault.Message, fault);
}
