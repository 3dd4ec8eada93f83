using Faith.Engine.Tokenizers.Patterns;

namespace Faith.Engine.Tokenizers.Parts;

/// <summary>
/// How much the steps of a tokenizer may lengthen a text. The longest expansions Unicode knows stay far below; a file whose steps
/// double the text over and over is stopped before it fills the memory.
/// </summary>
/// <param name="length">The length of the text.</param>
/// <param name="work">Counts what is done to the text and to those around it.</param>
internal readonly struct Growth(int length, TokenizerWork work)
{
    // A single character may become many, but a long text does not consist of such.
    private readonly long limit = 256 + Math.Min(64L * length, (1 << 20) + 16L * length);

    /// <summary>Counts what is done to the text.</summary>
    public TokenizerWork Work => work;

    /// <summary>Checks the length of a text, or how many tokens it has become.</summary>
    /// <exception cref="InputException">It is over the limit.</exception>
    public void Check(long length)
    {
        if (length > limit)
        {
            throw new InputException(
                "the steps of the tokenizer make a text many times longer; those of a usable one would not.");
        }
    }

    /// <summary>Checks and counts what a step has made of a text.</summary>
    /// <exception cref="InputException">It is over a limit.</exception>
    public void Count(string text)
    {
        Check(text.Length);
        work.Write(text.Length);
    }

    /// <summary>Checks and counts what a step has made of a text: the pieces together.</summary>
    /// <exception cref="InputException">They are over a limit.</exception>
    public void Count(List<Piece> pieces)
    {
        long total = 0;
        foreach (Piece piece in pieces)
            total += piece.Text.Length;
        Check(total);
        work.Write(total);
    }
}
