using System.Globalization;

namespace Faith.Engine.Tokenizers.Patterns;

/// <summary>The named sets of code points that patterns and pre-tokenizers ask for.</summary>
internal static class UnicodeSets
{
    private static readonly Dictionary<string, UnicodeCategory[]> Categories = new(StringComparer.OrdinalIgnoreCase)
    {
        ["Lu"] = [UnicodeCategory.UppercaseLetter],
        ["Ll"] = [UnicodeCategory.LowercaseLetter],
        ["Lt"] = [UnicodeCategory.TitlecaseLetter],
        ["Lm"] = [UnicodeCategory.ModifierLetter],
        ["Lo"] = [UnicodeCategory.OtherLetter],
        ["Mn"] = [UnicodeCategory.NonSpacingMark],
        ["Mc"] = [UnicodeCategory.SpacingCombiningMark],
        ["Me"] = [UnicodeCategory.EnclosingMark],
        ["Nd"] = [UnicodeCategory.DecimalDigitNumber],
        ["Nl"] = [UnicodeCategory.LetterNumber],
        ["No"] = [UnicodeCategory.OtherNumber],
        ["Zs"] = [UnicodeCategory.SpaceSeparator],
        ["Zl"] = [UnicodeCategory.LineSeparator],
        ["Zp"] = [UnicodeCategory.ParagraphSeparator],
        ["Cc"] = [UnicodeCategory.Control],
        ["Cf"] = [UnicodeCategory.Format],
        ["Co"] = [UnicodeCategory.PrivateUse],
        ["Cn"] = [UnicodeCategory.OtherNotAssigned],
        ["Pc"] = [UnicodeCategory.ConnectorPunctuation],
        ["Pd"] = [UnicodeCategory.DashPunctuation],
        ["Ps"] = [UnicodeCategory.OpenPunctuation],
        ["Pe"] = [UnicodeCategory.ClosePunctuation],
        ["Pi"] = [UnicodeCategory.InitialQuotePunctuation],
        ["Pf"] = [UnicodeCategory.FinalQuotePunctuation],
        ["Po"] = [UnicodeCategory.OtherPunctuation],
        ["Sm"] = [UnicodeCategory.MathSymbol],
        ["Sc"] = [UnicodeCategory.CurrencySymbol],
        ["Sk"] = [UnicodeCategory.ModifierSymbol],
        ["So"] = [UnicodeCategory.OtherSymbol],
    };

    private static readonly Dictionary<string, string> LongNames = new(StringComparer.OrdinalIgnoreCase)
    {
        ["Letter"] = "L",
        ["Mark"] = "M",
        ["Number"] = "N",
        ["Punctuation"] = "P",
        ["Symbol"] = "S",
        ["Separator"] = "Z",
    };

    /// <summary>Letters: \p{L}.</summary>
    public static RuneSet Letter { get; } = Major('L');

    /// <summary>Numbers of every kind: \p{N}, and what Rust calls numeric.</summary>
    public static RuneSet Number { get; } = Major('N');

    /// <summary>Combining marks: \p{M}.</summary>
    public static RuneSet Mark { get; } = Major('M');

    /// <summary>Decimal digits: \d.</summary>
    public static RuneSet Digit { get; } = RuneSet.Of(UnicodeCategory.DecimalDigitNumber);

    /// <summary>White_Space: \s.</summary>
    public static RuneSet Space { get; } = RuneSet.Of(
        (0x09, 0x0D), (0x20, 0x20), (0x85, 0x85), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029), (0x202F, 0x202F),
        (0x205F, 0x205F), (0x3000, 0x3000));

    // Alphabetic, marks, decimal digits, connector punctuation; the circled and squared letters are the alphabetic symbols that no
    // category tells.
    private static readonly RuneSet CommonWord = Letter.Union(Mark).Union(Digit)
        .Union(RuneSet.Of(UnicodeCategory.LetterNumber, UnicodeCategory.ConnectorPunctuation))
        .Union(RuneSet.Of((0x24B6, 0x24E9), (0x1F130, 0x1F149), (0x1F150, 0x1F169), (0x1F170, 0x1F189)));

    /// <summary>\w inside the brackets of a pattern.</summary>
    public static RuneSet WordInBrackets => CommonWord;

    /// <summary>\w and \b of patterns. Outside brackets Oniguruma adds the superscripts and fractions of Latin-1.</summary>
    public static RuneSet Word { get; } = CommonWord.Union(RuneSet.Of((0xB2, 0xB3), (0xB9, 0xB9), (0xBC, 0xBE)));

    /// <summary>Word characters of whole-word tests and of the Whitespace pre-tokenizer, which count the joiners instead.</summary>
    public static RuneSet WordOrJoiner { get; } = CommonWord.Union(RuneSet.Range(0x200C, 0x200D));

    /// <summary>
    /// Punctuation of the Punctuation pre-tokenizer: the ASCII symbols and category P as the original's tables have it, which are
    /// those of Unicode 8.
    /// </summary>
    public static RuneSet Punctuation { get; } = Major('P')
        .Intersect(RuneSet.Of(
            (0x61D, 0x61D), (0x9FD, 0x9FD), (0xA76, 0xA76), (0xC77, 0xC77), (0xC84, 0xC84), (0x1B4E, 0x1B4F), (0x1B7D, 0x1B7F),
            (0x2E43, 0x2E4F), (0x2E52, 0x2E5D), (0x10D6E, 0x10D6E), (0x10EAD, 0x10EAD), (0x10F55, 0x10F59), (0x10F86, 0x10F89),
            (0x113D4, 0x113D5), (0x113D7, 0x113D8), (0x1144B, 0x1144F), (0x1145A, 0x1145B), (0x1145D, 0x1145D), (0x11660, 0x1166C),
            (0x116B9, 0x116B9), (0x1183B, 0x1183B), (0x11944, 0x11946), (0x119E2, 0x119E2), (0x11A3F, 0x11A46), (0x11A9A, 0x11A9C),
            (0x11A9E, 0x11AA2), (0x11B00, 0x11B09), (0x11BE1, 0x11BE1), (0x11C41, 0x11C45), (0x11C70, 0x11C71), (0x11EF7, 0x11EF8),
            (0x11F43, 0x11F4F), (0x11FFF, 0x11FFF), (0x12FF1, 0x12FF2), (0x16D6D, 0x16D6F), (0x16E97, 0x16E9A), (0x16FE2, 0x16FE2),
            (0x1E5FF, 0x1E5FF), (0x1E95E, 0x1E95F)).Complement())
        .Union(RuneSet.Of((0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E), (0x166D, 0x166D), (0x111C9, 0x111C9)));

    /// <summary>
    /// What StripAccents removes: marks as the original's tables have them, which are those of Unicode 9.
    /// </summary>
    public static RuneSet Accent { get; } = Mark
        .Intersect(RuneSet.Of(
            (0x7FD, 0x7FD), (0x897, 0x89F), (0x8CA, 0x8D3), (0x9FE, 0x9FE), (0xAFA, 0xAFF), (0xB55, 0xB55), (0xC04, 0xC04),
            (0xC3C, 0xC3C), (0xCF3, 0xCF3), (0xD00, 0xD00), (0xD3B, 0xD3C), (0xD81, 0xD81), (0xEBA, 0xEBA), (0xECE, 0xECE),
            (0x1715, 0x1715), (0x180F, 0x180F), (0x1ABF, 0x1ACE), (0x1CF7, 0x1CF7), (0x1DF6, 0x1DFA), (0xA82C, 0xA82C),
            (0xA8FF, 0xA8FF), (0x10D24, 0x10D27), (0x10D69, 0x10D6D), (0x10EAB, 0x10EAC), (0x10EFC, 0x10EFF), (0x10F46, 0x10F50),
            (0x10F82, 0x10F85), (0x11070, 0x11070), (0x11073, 0x11074), (0x110C2, 0x110C2), (0x11145, 0x11146), (0x111C9, 0x111C9),
            (0x111CE, 0x111CF), (0x11241, 0x11241), (0x1133B, 0x1133B), (0x113B8, 0x113C0), (0x113C2, 0x113C2), (0x113C5, 0x113C5),
            (0x113C7, 0x113CA), (0x113CC, 0x113D0), (0x113D2, 0x113D2), (0x113E1, 0x113E2), (0x1145E, 0x1145E), (0x1182C, 0x1183A),
            (0x11930, 0x11935), (0x11937, 0x11938), (0x1193B, 0x1193E), (0x11940, 0x11940), (0x11942, 0x11943), (0x119D1, 0x119D7),
            (0x119DA, 0x119E0), (0x119E4, 0x119E4), (0x11A01, 0x11A0A), (0x11A33, 0x11A39), (0x11A3B, 0x11A3E), (0x11A47, 0x11A47),
            (0x11A51, 0x11A5B), (0x11A8A, 0x11A99), (0x11D31, 0x11D36), (0x11D3A, 0x11D3A), (0x11D3C, 0x11D3D), (0x11D3F, 0x11D45),
            (0x11D47, 0x11D47), (0x11D8A, 0x11D8E), (0x11D90, 0x11D91), (0x11D93, 0x11D97), (0x11EF3, 0x11EF6), (0x11F00, 0x11F01),
            (0x11F03, 0x11F03), (0x11F34, 0x11F3A), (0x11F3E, 0x11F42), (0x11F5A, 0x11F5A), (0x13440, 0x13440), (0x13447, 0x13455),
            (0x1611E, 0x1612F), (0x16F4F, 0x16F4F), (0x16F7F, 0x16F87), (0x16FE4, 0x16FE4), (0x16FF0, 0x16FF1), (0x1CF00, 0x1CF2D),
            (0x1CF30, 0x1CF46), (0x1E08F, 0x1E08F), (0x1E130, 0x1E136), (0x1E2AE, 0x1E2AE), (0x1E2EC, 0x1E2EF), (0x1E4EC, 0x1E4EF),
            (0x1E5EE, 0x1E5EF)).Complement())
        .Union(RuneSet.Range(0x1CF2, 0x1CF3));

    /// <summary>The set a pattern names as \p{name}; null when it is not one of those known here.</summary>
    public static RuneSet? Named(string name)
    {
        name = name.Trim();
        if (LongNames.TryGetValue(name, out string? category))
            name = category;
        if (name.Length == 1 && "LMNPSZ".Contains(char.ToUpperInvariant(name[0])))
            return Major(char.ToUpperInvariant(name[0]));
        if (Categories.TryGetValue(name, out UnicodeCategory[]? exact))
            return RuneSet.Of(exact);
        return name.Equals("Han", StringComparison.OrdinalIgnoreCase) ? Han.Value : null;
    }

    private static RuneSet Major(char letter) =>
        RuneSet.Of([.. Categories.Where(pair => pair.Key[0] == letter).SelectMany(pair => pair.Value)]);

    private static readonly Lazy<RuneSet> Han = new(() => RuneSet.Of(
        (0x2E80, 0x2E99), (0x2E9B, 0x2EF3), (0x2F00, 0x2FD5), (0x3005, 0x3005), (0x3007, 0x3007), (0x3021, 0x3029), (0x3038, 0x303B),
        (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFA6D), (0xFA70, 0xFAD9), (0x16FE2, 0x16FE3), (0x16FF0, 0x16FF1),
        (0x20000, 0x2A6DF), (0x2A700, 0x2B739), (0x2B740, 0x2B81D), (0x2B820, 0x2CEA1), (0x2CEB0, 0x2EBE0), (0x2EBF0, 0x2EE5D),
        (0x2F800, 0x2FA1D), (0x30000, 0x3134A), (0x31350, 0x323AF)));
}
