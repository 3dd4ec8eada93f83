namespace Faith.Engine.Tokenizers.Parts;

/// <summary>
/// How much the steps of a tokenizer may lengthen a text. The longest expansions Unicode knows stay far below; a file whose steps
/// double the text over and over is stopped before it fills the memory.
/// </summary>
internal readonly struct Growth(int length)
{
    private readonly long limit = 256 + 64L * length;

    /// <summary>Checks the length of a text.</summary>
    /// <exception cref="InputException">It is over the limit.</exception>
    public void Check(long length)
    {
        if (length > limit)
        {
            throw new InputException(
                "The tokenizer's normalizer or pre_tokenizer makes a text more than 64 times longer; a usable one would not.");
        }
    }

    /// <summary>Checks the length of pieces together.</summary>
    /// <exception cref="InputException">It is over the limit.</exception>
    public void Check(List<Piece> pieces)
    {
        long total = 0;
        foreach (Piece piece in pieces)
            total += piece.Text.Length;
        Check(total);
    }
}
