using System.Globalization;
using System.Text;
using Faith.Engine.Tokenizers.Patterns;

namespace Faith.Engine.Tokenizers.Parts;

/// <summary>A step from tokens back to text; the text is what the last step leaves, joined.</summary>
internal abstract class TokenDecoder
{
    /// <summary>The tokens rewritten.</summary>
    /// <exception cref="InputException">The text grew beyond measure.</exception>
    public abstract List<string> Apply(List<string> tokens, Growth growth);
}

/// <summary>Reads the characters of the byte alphabet as UTF-8.</summary>
internal sealed class ByteLevelDecoder : TokenDecoder
{
    public override List<string> Apply(List<string> tokens, Growth growth)
    {
        var bytes = new List<byte>();
        foreach (string token in tokens)
            ByteAlphabet.AppendBytes(token, bytes);
        return [Encoding.UTF8.GetString(bytes.ToArray())];
    }
}

/// <summary>Replaces the matches of a pattern in each token.</summary>
internal sealed class ReplaceDecoder(RunePattern pattern, string content) : TokenDecoder
{
    private readonly ReplaceNormalizer replace = new(pattern, content);

    public override List<string> Apply(List<string> tokens, Growth growth)
    {
        var replaced = new List<string>(tokens.Count);
        long total = 0;
        foreach (string token in tokens)
        {
            replaced.Add(replace.Apply(new(token, false), growth).Text);
            growth.Check(total += replaced[^1].Length);
        }
        return replaced;
    }
}

/// <summary>Reads runs of the tokens &lt;0x00&gt; … &lt;0xFF&gt; as UTF-8; a run that is not becomes one U+FFFD a byte.</summary>
internal sealed class ByteFallbackDecoder : TokenDecoder
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    public override List<string> Apply(List<string> tokens, Growth growth)
    {
        var output = new List<string>(tokens.Count);
        var run = new List<byte>();
        foreach (string token in tokens)
        {
            if (token is ['<', '0', 'x', _, _, '>']
                && byte.TryParse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte value))
            {
                run.Add(value);
                continue;
            }
            Flush(run, output);
            output.Add(token);
        }
        Flush(run, output);
        return output;
    }

    private static void Flush(List<byte> run, List<string> output)
    {
        if (run.Count == 0)
            return;
        try
        {
            output.Add(Strict.GetString(run.ToArray()));
        }
        catch (DecoderFallbackException)
        {
            output.AddRange(Enumerable.Repeat("\uFFFD", run.Count));
        }
        run.Clear();
    }
}

/// <summary>Joins the tokens into one.</summary>
internal sealed class FuseDecoder : TokenDecoder
{
    public override List<string> Apply(List<string> tokens, Growth growth) => [string.Concat(tokens)];
}

/// <summary>Removes up to so many of one character at the ends of each token.</summary>
internal sealed class StripDecoder(Rune content, int start, int stop) : TokenDecoder
{
    public override List<string> Apply(List<string> tokens, Growth growth) => tokens.ConvertAll(Strip);

    private string Strip(string token)
    {
        string character = content.ToString();
        int from = 0;
        for (int i = 0; i < start && token.AsSpan(from).StartsWith(character); i++)
            from += character.Length;
        int to = token.Length;
        for (int i = 0; i < stop && token.AsSpan(from, to - from).EndsWith(character); i++)
            to -= character.Length;
        return token[from..to];
    }
}

/// <summary>Reads marks as spaces; those of the first token are dropped when the encoder may have put them there.</summary>
internal sealed class MetaspaceDecoder(string mark, PrependScheme prepend) : TokenDecoder
{
    public override List<string> Apply(List<string> tokens, Growth growth)
    {
        var output = new List<string>(tokens.Count);
        foreach (string token in tokens)
        {
            bool drop = output.Count == 0 && prepend != PrependScheme.Never;
            output.Add(token.Replace(mark, drop ? "" : " ", StringComparison.Ordinal));
        }
        return output;
    }
}

/// <summary>Reads the end-of-word suffix as a space, at the end of the text as nothing.</summary>
internal sealed class SuffixDecoder(string suffix) : TokenDecoder
{
    public override List<string> Apply(List<string> tokens, Growth growth)
    {
        var output = new List<string>(tokens.Count);
        foreach (string token in tokens)
            output.Add(token.Replace(suffix, output.Count == tokens.Count - 1 ? "" : " ", StringComparison.Ordinal));
        return output;
    }
}

/// <summary>Steps one after the other.</summary>
internal sealed class SequenceDecoder(List<TokenDecoder> steps) : TokenDecoder
{
    public override List<string> Apply(List<string> tokens, Growth growth)
    {
        foreach (TokenDecoder step in steps)
            tokens = step.Apply(tokens, growth);
        return tokens;
    }
}
