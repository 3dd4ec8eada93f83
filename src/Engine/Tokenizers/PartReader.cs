using System.Text;
using Faith.Engine.Tokenizers.Parts;
using Faith.Engine.Tokenizers.Patterns;

namespace Faith.Engine.Tokenizers;

/// <summary>
/// Reads the normalizer, pre_tokenizer and decoder of a tokenizer.json. A component or an option that is not known is refused by
/// name: leaving it out would give other tokens silently.
/// </summary>
internal sealed class PartReader
{
    // Each walks the whole text; the longest known chains have about ten.
    private const int MostParts = 24;

    private const string KnownNormalizers = "NFC, NFD, NFKC, NFKD, Lowercase, Prepend, Replace, Strip, StripAccents, ByteLevel, Sequence";

    private const string KnownPreTokenizers =
        "ByteLevel, Split, Digits, Metaspace, Whitespace, WhitespaceSplit, Punctuation, CharDelimiterSplit, Sequence";

    private const string KnownDecoders = "ByteLevel, Replace, ByteFallback, Fuse, Strip, Metaspace, BPEDecoder, Sequence";

    private int parts;

    /// <summary>Reads a normalizer.</summary>
    public Normalizer Normalizer(JsonInput input) => Type(input) switch
    {
        "NFC" => new UnicodeNormalizer(compatibility: false, compose: true),
        "NFD" => new UnicodeNormalizer(compatibility: false, compose: false),
        "NFKC" => new UnicodeNormalizer(compatibility: true, compose: true),
        "NFKD" => new UnicodeNormalizer(compatibility: true, compose: false),
        "Lowercase" => new LowercaseNormalizer(),
        "Prepend" => new PrependNormalizer(input.Required("prepend").Text()),
        "Replace" => new ReplaceNormalizer(Pattern(input), input.Required("content").Text()),
        "Strip" => new StripNormalizer(input.Required("strip_left").Flag(), input.Required("strip_right").Flag()),
        "StripAccents" => new StripAccentsNormalizer(),
        "ByteLevel" => new ByteLevelNormalizer(),
        "Sequence" => new SequenceNormalizer([.. input.Required("normalizers").Items().Select(Normalizer)]),
        string other => throw Unknown(input, "normalizer", other, KnownNormalizers),
    };

    /// <summary>Reads a pre-tokenizer.</summary>
    public PreTokenizer PreTokenizer(JsonInput input) => Type(input) switch
    {
        "ByteLevel" => new ByteLevelPreTokenizer(input.Required("add_prefix_space").Flag(), input.Flag("use_regex", absent: true)),
        "Split" => new SplitPreTokenizer(Pattern(input), Behavior(input.Required("behavior")), input.Flag("invert", absent: false)),
        "Digits" => new CharacterPreTokenizer(
            UnicodeSets.Number, input.Required("individual_digits").Flag() ? SplitBehavior.Isolated : SplitBehavior.Contiguous),
        "Metaspace" => new MetaspacePreTokenizer(Character(input, "replacement"), Scheme(input), input.Flag("split", absent: true)),
        "Whitespace" => new SplitPreTokenizer(WordsAndSymbols, SplitBehavior.Removed, invert: true),
        "WhitespaceSplit" => new CharacterPreTokenizer(UnicodeSets.Space, SplitBehavior.Removed),
        "Punctuation" => new CharacterPreTokenizer(
            UnicodeSets.Punctuation, input.Optional("behavior") is { } behavior ? Behavior(behavior) : SplitBehavior.Isolated),
        "CharDelimiterSplit" => new CharacterPreTokenizer(
            RuneSet.Of(Character(input, "delimiter").EnumerateRunes().Select(rune => (rune.Value, rune.Value)).ToArray()), SplitBehavior.Removed),
        "Sequence" => new SequencePreTokenizer([.. input.Required("pretokenizers").Items().Select(PreTokenizer)]),
        string other => throw Unknown(input, "pre-tokenizer", other, KnownPreTokenizers),
    };

    /// <summary>Reads a decoder.</summary>
    public TokenDecoder Decoder(JsonInput input) => Type(input) switch
    {
        "ByteLevel" => new ByteLevelDecoder(),
        "Replace" => new ReplaceDecoder(Pattern(input), input.Required("content").Text()),
        "ByteFallback" => new ByteFallbackDecoder(),
        "Fuse" => new FuseDecoder(),
        "Strip" => new StripDecoder(
            Character(input, "content").EnumerateRunes().First(), input.Required("start").Number(int.MaxValue),
            input.Required("stop").Number(int.MaxValue)),
        "Metaspace" => new MetaspaceDecoder(Character(input, "replacement"), Scheme(input)),
        "BPEDecoder" => new SuffixDecoder(NotEmpty(input.Required("suffix"))),
        "Sequence" => new SequenceDecoder([.. input.Required("decoders").Items().Select(Decoder)]),
        string other => throw Unknown(input, "decoder", other, KnownDecoders),
    };

    // \w is not that of Split patterns: the original uses two regular expression libraries.
    private static readonly RunePattern WordsAndSymbols = RunePattern.Runs(
        UnicodeSets.WordOrJoiner, UnicodeSets.WordOrJoiner.Union(UnicodeSets.Space).Complement());

    private string Type(JsonInput input)
    {
        if (++parts > MostParts)
            throw input.Error($"more than {MostParts} normalizers, pre-tokenizers and decoders in one tokenizer are not supported.");
        return input.Required("type").Text();
    }

    private static InputException Unknown(JsonInput input, string kind, string type, string known) =>
        input.Error($"{kind} type {PlainText.Name(type)} is not supported; supported are {known}.");

    private static RunePattern Pattern(JsonInput input)
    {
        JsonInput pattern = input.Required("pattern");
        JsonInput? literal = pattern.Optional("String");
        JsonInput? expression = pattern.Optional("Regex");
        if (literal is null == expression is null)
            throw pattern.Error("expected {\"String\": …} or {\"Regex\": …}.");
        try
        {
            return literal is { } text ? RunePattern.Literal(text.Text(), pattern.Place) : RunePattern.Parse(expression!.Value.Text(), pattern.Place);
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

    private static string NotEmpty(JsonInput input) => input.Text() is { Length: > 0 } text ? text : throw input.Error("must not be empty.");
}
