using System.Text;

namespace Faith.Engine.Tokenizers;

/// <summary>
/// The steps of a tokenizer file: added tokens are cut out, the rest is normalized, split into words and encoded word by word. Null
/// steps change nothing; without a decoder tokens are joined by spaces, as the original does.
/// </summary>
internal sealed class PipelineTokenizer : Tokenizer
{
    // Far more than the text of the longest context, and far less than a string can hold.
    private const int LongestDecoded = 1 << 26;
    private const int LongestAdded = 1024;

    private readonly Vocabulary vocabulary;
    private readonly Normalizer? normalizer;
    private readonly PreTokenizer? preTokenizer;
    private readonly BytePairModel model;
    private readonly TokenDecoder? decoder;
    private readonly AddedTokenMatcher plainTokens;
    private readonly AddedTokenMatcher normalizedTokens;
    private readonly Dictionary<int, string> normalizedTexts = [];
    private readonly string source;

    /// <param name="source">The file, for messages.</param>
    /// <exception cref="InputException">An added token is unusable.</exception>
    public PipelineTokenizer(
        string source, Vocabulary vocabulary, Normalizer? normalizer, PreTokenizer? preTokenizer, BytePairModel model, TokenDecoder? decoder, int? beginToken)
    {
        this.source = source;
        this.vocabulary = vocabulary;
        this.normalizer = normalizer;
        this.preTokenizer = preTokenizer;
        this.model = model;
        this.decoder = decoder;
        BeginToken = beginToken;
        try
        {
            plainTokens = new(vocabulary.Added.Where(token => !token.Normalized).Select(token => (token.Content, token)));
            AddedToken[] normalized = [.. vocabulary.Added.Where(token => token.Normalized)];
            var budget = new EncodingBudget(normalized.Sum(token => token.Content.Length));
            normalizedTokens = new(normalized.Select(token => (NormalizedText(token, budget), token)));
        }
        catch (InputException exception)
        {
            throw Named(exception);
        }
    }

    /// <inheritdoc/>
    public override int Count => vocabulary.Count;

    /// <inheritdoc/>
    public override int? BeginToken { get; }

    /// <inheritdoc/>
    public override int[] Encode(string text, CancellationToken cancellation = default)
    {
        text = WellFormed(text);
        var ids = new List<int>();
        var budget = new EncodingBudget(text.Length, cancellation);
        try
        {
            foreach ((int start, int end, AddedToken? token) in plainTokens.Split(text, cancellation))
            {
                if (token is not null)
                    ids.Add(token.Id);
                else
                    EncodeBetween(new(text[start..end], start == 0), budget, ids, cancellation);
            }
        }
        catch (InputException exception)
        {
            throw Named(exception);
        }
        return [.. ids];
    }

    /// <inheritdoc/>
    public override string Decode(ReadOnlySpan<int> ids)
    {
        var tokens = new List<string>(ids.Length);
        long length = 0;
        foreach (int id in ids)
        {
            // What was looked for in normalized text stands for normalized text, as in the original.
            if (normalizedTexts.TryGetValue(id, out string? token) || (token = vocabulary.Token(id)) is not null)
            {
                tokens.Add(token);
                length += token.Length + 1;
                if (length > LongestDecoded)
                    throw new InputException($"{source}: the text of these {ids.Length} tokens has more than {LongestDecoded} characters.");
            }
        }
        try
        {
            return decoder is null ? string.Join(' ', tokens) : string.Concat(decoder(tokens, new EncodingBudget((int)length)));
        }
        catch (InputException exception)
        {
            throw Named(exception);
        }
    }

    /// <inheritdoc/>
    public override string TokenText(int id)
    {
        string alone = Decode([id]);
        if (decoder is null)
            return alone;
        // A decoder of SentencePiece's kind drops the space that begins a text: the second of two still has it.
        string twice = Decode([id, id]);
        int space = twice.Length - 2 * alone.Length;
        return space > 0 && twice == alone + new string(' ', space) + alone ? twice[alone.Length..] : alone;
    }

    private void EncodeBetween(Piece between, EncodingBudget budget, List<int> ids, CancellationToken cancellation)
    {
        Piece normalized = between with { Text = Normalize(between.Text, budget) };
        foreach ((int start, int end, AddedToken? token) in normalizedTokens.Split(normalized.Text, cancellation))
        {
            if (token is not null)
            {
                ids.Add(token.Id);
                continue;
            }
            Piece piece = normalized.Slice(start, end);
            foreach (Piece word in preTokenizer?.Invoke(piece, budget) ?? [piece])
            {
                int before = ids.Count;
                budget.CheckTime();
                model.Encode(word.Text, ids);
                budget.Write(word.Text.Length + ids.Count - before);
            }
        }
    }

    private string Normalize(string text, EncodingBudget budget)
    {
        if (normalizer is null)
            return text;
        text = normalizer(text, budget);
        budget.Write(text.Length);
        return text;
    }

    // What is too long to be looked for need not be normalized first.
    private string NormalizedText(AddedToken token, EncodingBudget budget) => token.Content.Length > LongestAdded
        ? token.Content
        : normalizedTexts[token.Id] = Normalize(token.Content, budget);

    private InputException Named(InputException exception) => new($"{source}: {exception.Message}", exception);

    // Half a surrogate pair has no UTF-8; it reads as U+FFFD, as in any conversion.
    private static string WellFormed(string text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i]))
                continue;
            if (i + 1 == text.Length || !char.IsSurrogatePair(text[i], text[i + 1]))
                return Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
            i++;
        }
        return text;
    }
}
