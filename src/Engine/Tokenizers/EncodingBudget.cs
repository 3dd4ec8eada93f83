using System.Diagnostics;

namespace Faith.Engine.Tokenizers;

/// <summary>
/// What may be done to one text, however many stretches it is cut into. Files can ask for text that is written only to be removed again, and for
/// patterns that go back and forth over it; each of that is refused before it takes minutes or fills the memory.
/// </summary>
/// <param name="length">The length of the text.</param>
/// <param name="cancellation">Set when the result is no longer wanted.</param>
internal sealed class EncodingBudget(int length, CancellationToken cancellation = default)
{
    private const int MostWrittenForACharacter = 128;

    // What a short text costs matters to nobody. Usable tokenizers take a few microseconds a character.
    private long characters = (1 << 22) + (long)MostWrittenForACharacter * length;
    private readonly TimeSpan longest = TimeSpan.FromSeconds(10) + length * TimeSpan.FromMicroseconds(50);
    private readonly long start = Stopwatch.GetTimestamp();

    /// <summary>Counts characters, or tokens, before a step writes them.</summary>
    /// <exception cref="InputException">They are too many.</exception>
    public void Write(long length)
    {
        cancellation.ThrowIfCancellationRequested();
        characters -= length;
        if (characters < 0)
            throw new InputException($"the steps of the tokenizer write more than {MostWrittenForACharacter} characters for one of this text; those of a usable one would not.");
    }

    /// <summary>Looks at the clock.</summary>
    /// <exception cref="InputException">The text takes too long.</exception>
    public void CheckTime()
    {
        cancellation.ThrowIfCancellationRequested();
        if (Stopwatch.GetElapsedTime(start) > longest)
            throw TakesTooLong();
    }

    /// <summary>What to throw where a pattern does not come to an end.</summary>
    public static InputException TakesTooLong() =>
        new("the patterns of the tokenizer go back and forth over this text without end; those of a usable one would not.");
}
