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
        normalizedTokens = new(vocabulary.Added.Where(token => token.Normalized).Select(token => (Normalize(token.Content, new Growth(token.Content.Length)), token)));
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
                EncodeNormalized(text[start..end], start == 0, ids);
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
            if (vocabulary.Token(id) is { } token)
            {
                tokens.Add(token);
                length = checked(length + token.Length);
            }
        }
        return decoder is null ? string.Join(' ', tokens) : string.Concat(decoder.Apply(tokens, new Growth(length)));
    }

    private void EncodeNormalized(string text, bool atStart, List<int> ids)
    {
        var growth = new Growth(text.Length);
        text = Normalize(text, growth);
        foreach ((int start, int end, AddedToken? token) in normalizedTokens.Split(text))
        {
            if (token is not null)
            {
                ids.Add(token.Id);
                continue;
            }
            List<Piece> pieces = [new Piece(text[start..end], atStart && start == 0)];
            foreach (Piece piece in preTokenizer?.ApplyAll(pieces, growth) ?? pieces)
                model.Encode(piece.Text, ids);
        }
    }

    private string Normalize(string text, Growth growth)
    {
        if (normalizer is null)
            return text;
        text = normalizer.Apply(text, growth);
        growth.Check(text.Length);
        return text;
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
