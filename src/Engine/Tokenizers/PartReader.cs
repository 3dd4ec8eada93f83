using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace Faith.Engine.Tokenizers;

/// <summary>Rewrites text before it is split.</summary>
internal delegate string Normalizer(string text, EncodingBudget budget);

/// <summary>Splits text into the words that the model sees one by one.</summary>
internal delegate IEnumerable<Piece> PreTokenizer(Piece piece, EncodingBudget budget);

/// <summary>A step from tokens back to text; the text is what the last step leaves, joined.</summary>
internal delegate List<string> TokenDecoder(List<string> tokens, EncodingBudget budget);

/// <summary>
/// Reads the normalizer, pre_tokenizer and decoder of a tokenizer.json. A component or an option that is not known is refused by name: leaving it
/// out would give other tokens silently.
/// </summary>
internal sealed class PartReader
{
    // Each walks the whole text; the longest known chains have about ten.
    private const int MostParts = 24;
    private const int LongestInsert = 64;

    // A character of ASCII that is printed and neither letter nor digit, or of Unicode's punctuation.
    private const string Punctuation = @"[!-/:-@\[-`{-~\p{P}]";

    private static readonly SplitPattern Gpt2Words = new(@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+");

    private int parts;

    /// <summary>Reads a normalizer.</summary>
    public Normalizer Normalizer(JsonInput input)
    {
        string type = Type(input);
        switch (type)
        {
            case "NFC":
                return (text, budget) => Composition.Compose(text, budget);
            case "Prepend":
                string prefix = Insert(input, "prepend");
                return (text, budget) => text.Length == 0 ? text : prefix + text;
            case "Replace":
                (SplitPattern pattern, string content) = (Pattern(input), Insert(input, "content"));
                if (content.Length == 0)
                    throw input.Error("an empty 'content' is not supported.");
                return (text, budget) => pattern.Replace(text, content, budget);
            case "ByteLevel":
                return (text, budget) => ByteAlphabet.FromText(text);
            case "Sequence":
                Normalizer[] steps = [.. input.Required("normalizers").Items().Select(Normalizer)];
                return (text, budget) =>
                {
                    foreach (Normalizer step in steps)
                        budget.Write((text = step(text, budget)).Length);
                    return text;
                };
            default:
                throw Unknown(input, "normalizer", type, "NFC, Prepend, Replace, ByteLevel, Sequence");
        }
    }

    /// <summary>Reads a pre-tokenizer.</summary>
    public PreTokenizer PreTokenizer(JsonInput input)
    {
        string type = Type(input);
        switch (type)
        {
            case "ByteLevel":
                return ByteLevel(input.Required("add_prefix_space").Flag(), input.Flag("use_regex", absent: true));
            case "Split":
                return Splitter(Pattern(input), Behavior(input.Required("behavior")), input.Flag("invert", absent: false));
            case "Digits":
                return Splitter(new(input.Required("individual_digits").Flag() ? @"\p{N}" : @"\p{N}+"), SplitBehavior.Isolated);
            case "Punctuation":
                return Splitter(new(Punctuation), input.Optional("behavior") is { } behavior ? Behavior(behavior) : SplitBehavior.Isolated);
            case "Metaspace":
                (string mark, PrependScheme scheme, bool cut) = (Character(input, "replacement"), Scheme(input), input.Flag("split", absent: true));
                var marks = SplitPattern.Literal(mark);
                return (piece, budget) =>
                {
                    string text = piece.Text.Replace(" ", mark, StringComparison.Ordinal);
                    if ((scheme == PrependScheme.Always || (scheme == PrependScheme.First && piece.AtStart)) && !text.StartsWith(mark, StringComparison.Ordinal))
                        text = mark + text;
                    piece = piece with { Text = text };
                    return cut ? Splitting.Split(piece, marks.Matches(text, budget), SplitBehavior.MergedWithNext, invert: false) : [piece];
                };
            case "Sequence":
                PreTokenizer[] steps = [.. input.Required("pretokenizers").Items().Select(PreTokenizer)];
                return (piece, budget) => steps.Aggregate<PreTokenizer, IEnumerable<Piece>>([piece], (pieces, step) => pieces.SelectMany(part => Counted(part, step, budget)));
            default:
                throw Unknown(input, "pre-tokenizer", type, "ByteLevel, Split, Digits, Punctuation, Metaspace, Sequence");
        }
    }

    /// <summary>Splits into words as GPT-2 does, where that is wanted, and writes each as the characters of its bytes.</summary>
    public static PreTokenizer ByteLevel(bool addPrefixSpace, bool useRegex) => (piece, budget) =>
    {
        if (addPrefixSpace && !piece.Text.StartsWith(' '))
            piece = piece with { Text = " " + piece.Text };
        IEnumerable<Piece> words = useRegex ? Splitting.Split(piece, Gpt2Words.Matches(piece.Text, budget), SplitBehavior.Isolated, invert: false) : [piece];
        return words.Select(word => word with { Text = ByteAlphabet.FromText(word.Text) });
    };

    /// <summary>Reads a decoder.</summary>
    public TokenDecoder Decoder(JsonInput input)
    {
        string type = Type(input);
        switch (type)
        {
            case "ByteLevel":
                return FromByteAlphabet;
            case "ByteFallback":
                return (tokens, _) => FromBytes(tokens);
            case "Fuse":
                return (tokens, _) => [string.Concat(tokens)];
            case "Replace":
                (SplitPattern pattern, string content) = (Pattern(input), Insert(input, "content"));
                return (tokens, budget) => tokens.ConvertAll(token => pattern.Replace(token, content, budget));
            case "Strip":
                (string stripped, int start, int stop) = (Character(input, "content"), input.Required("start").Number(int.MaxValue), input.Required("stop").Number(int.MaxValue));
                return (tokens, _) => tokens.ConvertAll(token => Strip(token, stripped, start, stop));
            case "Metaspace":
                (string mark, PrependScheme scheme) = (Character(input, "replacement"), Scheme(input));
                return (tokens, _) => [.. tokens.Select((token, i) => token.Replace(mark, i == 0 && scheme != PrependScheme.Never ? "" : " ", StringComparison.Ordinal))];
            case "Sequence":
                TokenDecoder[] steps = [.. input.Required("decoders").Items().Select(Decoder)];
                return (tokens, budget) => steps.Aggregate(tokens, (done, step) => step(done, budget));
            default:
                throw Unknown(input, "decoder", type, "ByteLevel, ByteFallback, Fuse, Replace, Strip, Metaspace, Sequence");
        }
    }

    /// <summary>Reads the characters of the byte alphabet as UTF-8.</summary>
    public static List<string> FromByteAlphabet(List<string> tokens, EncodingBudget budget)
    {
        var bytes = new List<byte>();
        foreach (string token in tokens)
            ByteAlphabet.AppendBytes(token, bytes);
        return [Encoding.UTF8.GetString([.. bytes])];
    }

    // Runs of the tokens <0x00> … <0xFF> as UTF-8; a run that is not becomes one U+FFFD a byte.
    private static List<string> FromBytes(List<string> tokens)
    {
        var (output, run) = (new List<string>(tokens.Count), new List<byte>());
        foreach (string token in tokens)
        {
            if (token is ['<', '0', 'x', _, _, '>'] && byte.TryParse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte value))
            {
                run.Add(value);
                continue;
            }
            EndRun();
            output.Add(token);
        }
        EndRun();
        return output;

        void EndRun()
        {
            byte[] bytes = [.. run];
            if (Utf8.IsValid(bytes))
                output.Add(Encoding.UTF8.GetString(bytes));
            else
                output.AddRange(Enumerable.Repeat("\uFFFD", bytes.Length));
            run.Clear();
        }
    }

    private static string Strip(string token, string character, int start, int stop)
    {
        int from = 0, to = token.Length;
        for (int i = 0; i < start && token.AsSpan(from).StartsWith(character); i++)
            from += character.Length;
        for (int i = 0; i < stop && token.AsSpan(from, to - from).EndsWith(character); i++)
            to -= character.Length;
        return token[from..to];
    }

    private static PreTokenizer Splitter(SplitPattern pattern, SplitBehavior behavior, bool invert = false) =>
        (piece, budget) => Splitting.Split(piece, pattern.Matches(piece.Text, budget), behavior, invert);

    private static IEnumerable<Piece> Counted(Piece piece, PreTokenizer step, EncodingBudget budget)
    {
        budget.Write(piece.Text.Length);
        return step(piece, budget);
    }

    private static SplitPattern Pattern(JsonInput input)
    {
        JsonInput pattern = input.Required("pattern");
        JsonInput? literal = pattern.Optional("String"), expression = pattern.Optional("Regex");
        if (literal is null == expression is null)
            throw pattern.Error("expected {\"String\": …} or {\"Regex\": …}.");
        try
        {
            return literal is { } text ? SplitPattern.Literal(text.Text()) : new(expression!.Value.Text());
        }
        catch (FormatException exception)
        {
            throw new InputException(pattern.Error($"the pattern cannot be used: {PlainText.Short(exception.Message, 200)}.").Message, exception);
        }
    }

    private static SplitBehavior Behavior(JsonInput input) => input.Text() switch
    {
        "Removed" => SplitBehavior.Removed,
        "Isolated" => SplitBehavior.Isolated,
        "MergedWithPrevious" => SplitBehavior.MergedWithPrevious,
        "MergedWithNext" => SplitBehavior.MergedWithNext,
        "Contiguous" => SplitBehavior.Contiguous,
        string other => throw input.Error(
            $"{PlainText.Name(other)} is not one of Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous."),
    };

    /// <summary>When a Metaspace step puts its mark before a text that does not start with one.</summary>
    private enum PrependScheme
    {
        Always,
        First,
        Never,
    }

    private static PrependScheme Scheme(JsonInput input)
    {
        PrependScheme scheme = input.Optional("prepend_scheme") is not { } given ? PrependScheme.Always : given.Text() switch
        {
            "always" => PrependScheme.Always,
            "first" => PrependScheme.First,
            "never" => PrependScheme.Never,
            string other => throw given.Error($"{PlainText.Name(other)} is not one of always, first, never."),
        };
        // The older spelling of the same option.
        if (input.Flag("add_prefix_space", absent: true))
            return scheme;
        if (scheme != PrependScheme.Never && input.Optional("prepend_scheme") is not null)
            throw input.Error("add_prefix_space is false, but prepend_scheme is not 'never'.");
        return PrependScheme.Never;
    }

    private static string Character(JsonInput input, string name)
    {
        JsonInput value = input.Required(name);
        string text = value.Text();
        return text.Length > 0 && Rune.GetRuneAt(text, 0).Utf16SequenceLength == text.Length ? text : throw value.Error("expected one character.");
    }

    // Written beside every text, or every character of one.
    private static string Insert(JsonInput input, string name)
    {
        JsonInput value = input.Required(name);
        string text = value.Text();
        return text.Length <= LongestInsert ? text : throw value.Error($"is {text.Length} characters long; at most {LongestInsert} are supported.");
    }

    private string Type(JsonInput input)
    {
        if (++parts > MostParts)
            throw input.Error($"more than {MostParts} normalizers, pre-tokenizers and decoders in one tokenizer are not supported.");
        return input.Required("type").Text();
    }

    private static InputException Unknown(JsonInput input, string kind, string type, string known) =>
        input.Error($"{kind} type {PlainText.Name(type)} is not supported; supported are {known}.");
}
