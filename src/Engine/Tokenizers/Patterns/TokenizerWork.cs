namespace Faith.Engine.Tokenizers.Patterns;

/// <summary>
/// What the steps of a tokenizer do to one text, counted, however many stretches it is cut into. Files can ask for hundreds of steps a
/// character or for text that is written only to be removed again; each is linear in the text and yet does not end within minutes.
/// </summary>
internal sealed class TokenizerWork
{
    private const int MostStepsOfACharacter = 64;
    private const int MostWrittenForACharacter = 128;
    // A power of two.
    private const int StepsBetweenChecks = 1 << 12;

    // What a short text costs matters to nobody.
    private long steps = 1 << 20;
    private long characters;

    /// <param name="length">The length of the text.</param>
    /// <param name="cancellation">Stops the work.</param>
    public TokenizerWork(int length, CancellationToken cancellation = default)
    {
        characters = (1 << 22) + (long)MostWrittenForACharacter * length;
        Cancellation = cancellation;
    }

    /// <summary>Set when the ids are no longer wanted: asked where a text is worked on, which may be long.</summary>
    public CancellationToken Cancellation { get; }

    /// <summary>Allows for one more walk of a pattern over so many characters.</summary>
    public void Allow(int length) => steps += MostStepsOfACharacter * (length + 1L);

    /// <summary>Counts a step of a pattern.</summary>
    /// <param name="place">Where the pattern stands in its file.</param>
    /// <exception cref="InputException">It is one too many.</exception>
    public void Step(string place)
    {
        if ((--steps & (StepsBetweenChecks - 1)) == 0)
            Cancellation.ThrowIfCancellationRequested();
        if (steps < 0)
            throw new InputException($"{place}: takes more than {MostStepsOfACharacter} steps a character on this text; the patterns of usable tokenizers take fewer than 30.");
    }

    /// <summary>Counts characters, or tokens, that a step has written.</summary>
    /// <exception cref="InputException">They are too many.</exception>
    public void Write(long length)
    {
        Cancellation.ThrowIfCancellationRequested();
        characters -= length;
        if (characters < 0)
            throw new InputException($"the steps of the tokenizer write more than {MostWrittenForACharacter} characters for one of this text; those of a usable one would not.");
    }
}
