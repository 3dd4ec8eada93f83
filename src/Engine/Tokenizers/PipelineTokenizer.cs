using System.Text;
using Faith.Engine.Tokenizers.Parts;

namespace Faith.Engine.Tokenizers;

/// <summary>
/// The steps of a tokenizer file: added tokens are cut out, the rest is normalized, split into words and encoded word by word. Null
/// steps change nothing; without a decoder tokens are joined by spaces, as the original does.
/// </summary>
internal sealed class PipelineTokenizer : Tokenizer
{
    private readonly Vocabulary vocabulary;
    private readonly Normalizer? normalizer;
    private readonly PreTokenizer? preTokenizer;
    private readonly BpeModel model;
    private readonly TokenDecoder? decoder;
    private readonly AddedTokenMatcher plainTokens;
    private readonly AddedTokenMatcher normalizedTokens;
    private readonly Dictionary<int, string> normalizedTexts;

    /// <exception cref="InputException">An added token is unusable.</exception>
    public PipelineTokenizer(
        Vocabulary vocabulary, Normalizer? normalizer, PreTokenizer? preTokenizer, BpeModel model, TokenDecoder? decoder, int? beginToken)
    {
        this.vocabulary = vocabulary;
        this.normalizer = normalizer;
        this.preTokenizer = preTokenizer;
        this.model = model;
        this.decoder = decoder;
        BeginToken = beginToken;
        plainTokens = new(vocabulary.Added.Where(token => !token.Normalized).Select(token => (token.Content, token)));
        AddedToken[] normalized = [.. vocabulary.Added.Where(token => token.Normalized)];
        normalizedTexts = normalized.ToDictionary(
            token => token.Id, token => Normalize(new(token.Content, true), new(token.Content.Length)).Text);
        normalizedTokens = new(normalized.Select(token => (normalizedTexts[token.Id], token)));
    }

    /// <inheritdoc/>
    public override int Count => vocabulary.Count;

    /// <inheritdoc/>
    public override int? BeginToken { get; }

    /// <inheritdoc/>
    public override int[] Encode(string text)
    {
        text = WellFormed(text);
        var ids = new List<int>();
        foreach ((int start, int end, AddedToken? token) in plainTokens.Split(text))
        {
            if (token is not null)
                ids.Add(token.Id);
            else
                EncodeBetween(new(text[start..end], start == 0), ids);
        }
        return [.. ids];
    }

    /// <inheritdoc/>
    public override string Decode(ReadOnlySpan<int> ids)
    {
        var tokens = new List<string>(ids.Length);
        int length = 0;
        foreach (int id in ids)
        {
            // What was looked for in normalized text stands for normalized text, as in the original.
            if (normalizedTexts.TryGetValue(id, out string? token) || (token = vocabulary.Token(id)) is not null)
            {
                tokens.Add(token);
                length = checked(length + token.Length);
            }
        }
        return decoder is null ? string.Join(' ', tokens) : string.Concat(decoder.Apply(tokens, new Growth(length)));
    }

    private void EncodeBetween(Piece between, List<int> ids)
    {
        var growth = new Growth(between.Text.Length);
        Piece normalized = Normalize(between, growth);
        foreach ((int start, int end, AddedToken? token) in normalizedTokens.Split(normalized.Text))
        {
            if (token is not null)
            {
                ids.Add(token.Id);
                continue;
            }
            List<Piece> pieces = [normalized.Slice(start, end)];
            foreach (Piece piece in preTokenizer?.ApplyAll(pieces, growth) ?? pieces)
                model.Encode(piece.Text, ids);
        }
    }

    private Piece Normalize(Piece piece, Growth growth)
    {
        if (normalizer is null)
            return piece;
        piece = normalizer.Apply(piece, growth);
        growth.Check(piece.Text.Length);
        return piece;
    }

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
