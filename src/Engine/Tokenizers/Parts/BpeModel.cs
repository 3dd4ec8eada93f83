using System.Globalization;
using System.Text;

namespace Faith.Engine.Tokenizers.Parts;

/// <summary>
/// Byte-pair encoding of one word: its characters are merged pair by pair, the earliest merge of the list first and the leftmost
/// among equals. A word of n characters takes n log n steps.
/// </summary>
internal sealed class BpeModel
{
    // A power of two.
    private const int PlacesBetweenChecks = 1 << 10;

    private readonly Dictionary<string, int> vocabulary;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> lookup;
    private readonly Dictionary<(int Left, int Right), (int Rank, int Merged)> merges;
    private readonly int[] byteTokens = new int[256];
    private readonly BpeOptions options;

    /// <param name="vocabulary">Ids of the tokens.</param>
    /// <param name="merges">Of two neighbouring tokens: the place in the list of merges and the id of the two as one.</param>
    public BpeModel(
        Dictionary<string, int> vocabulary, Dictionary<(int Left, int Right), (int Rank, int Merged)> merges, BpeOptions options)
    {
        this.vocabulary = vocabulary;
        this.merges = merges;
        this.options = options;
        lookup = vocabulary.GetAlternateLookup<ReadOnlySpan<char>>();
        for (int value = 0; value < 256; value++)
            byteTokens[value] = vocabulary.GetValueOrDefault($"<0x{value.ToString("X2", CultureInfo.InvariantCulture)}>", -1);
    }

    /// <summary>Appends the ids of a word.</summary>
    /// <exception cref="InputException">A character is unknown and so is the token for unknown characters, or the ids are too many.</exception>
    public void Encode(string word, Growth growth, List<int> ids)
    {
        if (options.IgnoreMerges && vocabulary.TryGetValue(word, out int whole))
        {
            ids.Add(whole);
            return;
        }
        List<int> symbols = Characters(word, growth);
        if (symbols.Count < 2 || merges.Count == 0)
            ids.AddRange(symbols);
        else
            Merge(symbols, ids, growth.Work.Cancellation);
    }

    private List<int> Characters(string word, Growth growth)
    {
        var symbols = new List<int>(word.Length);
        int waiting = -1; // An unknown token not yet in its place, because the next may join it.
        int width;
        for (int i = 0; i < word.Length; i += width)
        {
            width = char.IsHighSurrogate(word[i]) ? 2 : 1;
            ReadOnlySpan<char> character = word.AsSpan(i, width);
            if ((i & (PlacesBetweenChecks - 1)) == 0)
                growth.Work.Cancellation.ThrowIfCancellationRequested();
            bool first = i == 0;
            bool last = i + width == word.Length;
            if ((!first && options.ContinuingPrefix.Length > 0) || (last && options.EndSuffix.Length > 0))
                character = (first ? "" : options.ContinuingPrefix) + character.ToString() + (last ? options.EndSuffix : "");
            if (lookup.TryGetValue(character, out int id))
            {
                if (waiting >= 0)
                    symbols.Add(waiting);
                waiting = -1;
                symbols.Add(id);
                continue;
            }
            // The bytes go before an unknown token that waits, as in the original.
            if (options.ByteFallback && AppendBytes(character, symbols))
            {
                growth.Check(symbols.Count);
                continue;
            }
            if (options.UnknownToken is not { } unknown)
                continue;
            if (waiting >= 0 && options.FuseUnknown)
                continue;
            if (waiting >= 0)
                symbols.Add(waiting);
            if (!vocabulary.TryGetValue(unknown, out waiting))
            {
                throw new InputException(
                    $"there is no token for {PlainText.Name(character)}, and the token for unknown characters, "
                    + $"{PlainText.Name(unknown)}, is not in its vocabulary either.");
            }
        }
        if (waiting >= 0)
            symbols.Add(waiting);
        return symbols;
    }

    private bool AppendBytes(ReadOnlySpan<char> character, List<int> symbols)
    {
        byte[] utf8 = new byte[Encoding.UTF8.GetByteCount(character)];
        Encoding.UTF8.GetBytes(character, utf8);
        if (Array.Exists(utf8, value => byteTokens[value] < 0))
            return false;
        symbols.AddRange(utf8.Select(value => byteTokens[value]));
        return true;
    }

    private void Merge(List<int> symbols, List<int> ids, CancellationToken cancellation)
    {
        // A doubly linked list over the places of the characters; what has been merged into its left neighbour is -1.
        int count = symbols.Count;
        int[] symbol = [.. symbols];
        var previous = new int[count];
        var next = new int[count];
        for (int i = 0; i < count; i++)
        {
            previous[i] = i - 1;
            next[i] = i + 1 < count ? i + 1 : -1;
        }
        var queue = new PriorityQueue<(int Place, int Merged), (int Rank, int Place)>(count);
        for (int i = 0; i + 1 < count; i++)
            Offer(i);
        while (queue.TryDequeue(out (int Place, int Merged) merge, out _))
        {
            if ((merge.Place & (PlacesBetweenChecks - 1)) == 0)
                cancellation.ThrowIfCancellationRequested();
            int left = merge.Place;
            int right = symbol[left] < 0 ? -1 : next[left];
            // An entry is stale when a merge since then has taken one of its two sides.
            if (right < 0 || !merges.TryGetValue((symbol[left], symbol[right]), out (int Rank, int Merged) now) || now.Merged != merge.Merged)
                continue;
            symbol[left] = merge.Merged;
            symbol[right] = -1;
            next[left] = next[right];
            if (next[left] >= 0)
            {
                previous[next[left]] = left;
                Offer(left);
            }
            if (previous[left] >= 0)
                Offer(previous[left]);
        }
        for (int i = 0; i >= 0; i = next[i])
            ids.Add(symbol[i]);

        void Offer(int place)
        {
            if (merges.TryGetValue((symbol[place], symbol[next[place]]), out (int Rank, int Merged) merge))
                queue.Enqueue((place, merge.Merged), (merge.Rank, place));
        }
    }
}
