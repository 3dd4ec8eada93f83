namespace Faith.Engine.Tokenizers;

/// <summary>Finds added tokens in a text: the leftmost, the longest of those that start there, one after the other.</summary>
internal sealed class AddedTokenMatcher
{
    // Memory is taken for all of the tokens' text. Honest tokens part after a few characters; where long ones begin alike, a text can be made
    // that is walked again from each of its places.
    private const int LongestToken = 256;
    private const int MostText = 4 << 20;
    private const int MostStepsOfACharacter = 16;
    private const int MostStepsOfAnyText = 1 << 22;
    // A power of two.
    private const int BetweenChecks = 1 << 16;

    // A trie: node 0 is the root, and so many nodes there are.
    private readonly Dictionary<(int Node, char Unit), int> next = [];
    private readonly Dictionary<int, AddedToken> ends = [];

    /// <param name="tokens">Tokens with the text to look for.</param>
    /// <exception cref="InputException">A text is empty or too long.</exception>
    public AddedTokenMatcher(IEnumerable<(string Pattern, AddedToken Token)> tokens)
    {
        foreach ((string pattern, AddedToken token) in tokens)
        {
            if (pattern.Length is 0 or > LongestToken)
            {
                throw new InputException(
                    $"the added token {PlainText.Name(token.Content)} is {pattern.Length} characters long once normalized; expected 1 to {LongestToken}.");
            }
            if (next.Count > MostText)
                throw new InputException($"the added tokens have more than {MostText} characters together.");
            int node = 0;
            foreach (char unit in pattern)
            {
                if (!next.TryGetValue((node, unit), out int child))
                    next[(node, unit)] = child = next.Count + 1;
                node = child;
            }
            ends.TryAdd(node, token);
        }
    }

    /// <summary>
    /// Cuts a text into added tokens and what lies between, in order. A token that takes white space along may cover the same
    /// white space as the next; the original does the same.
    /// </summary>
    public IEnumerable<(int Start, int End, AddedToken? Token)> Split(string text, CancellationToken cancellation = default)
    {
        long steps = 0;
        int covered = 0;
        int spaceEnd = 0; // Where the last white space taken along ended: no stretch of it is walked twice.
        if (next.Count > 0)
        {
            for (int at = 0; at < text.Length;)
            {
                if ((at & (BetweenChecks - 1)) == 0)
                    cancellation.ThrowIfCancellationRequested();
                if (Longest(text, at, ref steps) is not ({ } token, int length))
                {
                    at++;
                    continue;
                }
                (int start, int end) = (at, at + length);
                at = end;
                if (token.LeftStrip)
                {
                    start = Math.Max(start, covered);
                    while (start > covered && char.IsWhiteSpace(text[start - 1]))
                        start--;
                }
                if (token.RightStrip)
                {
                    end = Math.Max(end, spaceEnd);
                    while (end < text.Length && char.IsWhiteSpace(text[end]))
                        end++;
                    spaceEnd = end;
                }
                if (covered < start)
                    yield return (covered, start, null);
                // A token of white space that the one before took along is none any more.
                if (start < end)
                    yield return (start, end, token);
                covered = end;
            }
        }
        if (covered != text.Length)
            yield return (covered, text.Length, null);
    }

    private (AddedToken Token, int Length)? Longest(string text, int start, ref long steps)
    {
        (AddedToken, int)? longest = null;
        int node = 0;
        for (int i = start; i < text.Length && next.TryGetValue((node, text[i]), out node); i++)
        {
            if (++steps > MostStepsOfAnyText + (long)MostStepsOfACharacter * text.Length)
                throw new InputException("The tokenizer's added tokens begin so much alike that they cannot be looked for in this text; a usable tokenizer's do not.");
            if (ends.TryGetValue(node, out AddedToken? token))
                longest = (token, i + 1 - start);
        }
        return longest;
    }
}
