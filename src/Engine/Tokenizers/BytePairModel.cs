using System.Text;
using Microsoft.ML.Tokenizers;

namespace Faith.Engine.Tokenizers;

/// <summary>How a byte-pair model treats the parts of a word.</summary>
internal sealed record BytePairOptions
{
    /// <summary>Token of characters without one of their own; null: they are dropped.</summary>
    public string? UnknownToken { get; init; }

    /// <summary>Whether a run of unknown characters is one token.</summary>
    public bool FuseUnknown { get; init; }

    /// <summary>Whether unknown characters become the tokens &lt;0x00&gt; … &lt;0xFF&gt; of their bytes.</summary>
    public bool ByteFallback { get; init; }

    /// <summary>Whether a word that is a token is taken whole, whatever the merges.</summary>
    public bool IgnoreMerges { get; init; }
}

/// <summary>Byte-pair encoding of one word by Microsoft.ML.Tokenizers, with the two options of tokenizer files that it lacks.</summary>
internal sealed class BytePairModel
{
    // The package takes time in the square of a word's length: .6 s for this many, minutes for a word of a megabyte.
    private const int LongestWord = 20_000;

    private readonly BpeTokenizer merging;
    private readonly Dictionary<string, int> vocabulary;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> lookup;
    private readonly int[] byteTokens = [];
    private readonly BytePairOptions options;
    private readonly bool lacksUnknown;

    /// <param name="vocabulary">Ids of the tokens.</param>
    /// <param name="merges">Pairs of tokens that are joined, the earliest first; both and their union are in the vocabulary.</param>
    /// <param name="options">What else the file says.</param>
    /// <exception cref="InputException">The vocabulary lacks what the options need.</exception>
    public BytePairModel(Dictionary<string, int> vocabulary, IEnumerable<(string Left, string Right)> merges, BytePairOptions options)
    {
        (this.vocabulary, this.options) = (vocabulary, options);
        lookup = vocabulary.GetAlternateLookup<ReadOnlySpan<char>>();
        lacksUnknown = options.UnknownToken is { } unknown && !vocabulary.ContainsKey(unknown);
        if (options.ByteFallback)
        {
            byteTokens = [.. Enumerable.Range(0, 256).Select(value => vocabulary.TryGetValue($"<0x{value:X2}>", out int id)
                ? id : throw new InputException($"byte_fallback needs the tokens <0x00> to <0xFF>; <0x{value:X2}> is missing."))];
        }
        merging = BpeTokenizer.Create(new BpeOptions(vocabulary)
        {
            Merges = merges.Select(merge => $"{merge.Left} {merge.Right}"),
            UnknownToken = lacksUnknown ? null : options.UnknownToken,
            FuseUnknownTokens = options.FuseUnknown,
        });
    }

    /// <summary>Appends the ids of a word.</summary>
    /// <exception cref="InputException">The word is too long, or a character is unknown and so is the token for unknown characters.</exception>
    public void Encode(string word, List<int> ids)
    {
        if (options.IgnoreMerges && vocabulary.TryGetValue(word, out int whole))
        {
            ids.Add(whole);
            return;
        }
        if (word.Length > LongestWord)
            throw new InputException($"a word of the text is {word.Length} characters long; at most {LongestWord} are supported: shorten the text or put spaces in it.");
        int start = 0;
        if (options.ByteFallback || lacksUnknown)
        {
            int at = 0;
            foreach (Rune rune in word.EnumerateRunes())
            {
                ReadOnlySpan<char> character = word.AsSpan(at, rune.Utf16SequenceLength);
                if (!lookup.ContainsKey(character))
                {
                    if (!options.ByteFallback)
                        throw new InputException($"there is no token for {PlainText.Name(character)}, and the token for unknown characters, {PlainText.Name(options.UnknownToken)}, is not in its vocabulary either.");
                    // The tokens of bytes take part in no merge.
                    Append(start, at);
                    foreach (byte value in Encoding.UTF8.GetBytes(rune.ToString()))
                        ids.Add(byteTokens[value]);
                    start = at + character.Length;
                }
                at += character.Length;
            }
        }
        Append(start, word.Length);

        void Append(int from, int to)
        {
            if (from < to)
                ids.AddRange(merging.EncodeToIds(word.AsSpan(from, to - from), considerPreTokenization: false, considerNormalization: false));
        }
    }
}
