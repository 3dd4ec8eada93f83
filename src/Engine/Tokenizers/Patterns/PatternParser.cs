using System.Globalization;
using System.Text;

namespace Faith.Engine.Tokenizers.Patterns;

/// <summary>
/// Reads the Oniguruma (Ruby) syntax of tokenizer files: alternatives, groups, greedy, lazy and possessive repetition, classes with
/// nesting and intersection, Unicode properties, anchors, lookahead, one-character lookbehind, (?i) and (?m). Anything else is a
/// <see cref="FormatException"/> that names it: a construct read differently from the original would give other tokens silently.
/// </summary>
internal sealed class PatternParser
{
    private const int LongestPattern = 4096;
    private const int DeepestGroup = 50;
    private const int MostRepeats = 1000;

    private static readonly RuneSet AnyButLineFeed = RuneSet.Range('\n', '\n').Complement();
    private static readonly RuneSet Any = RuneSet.Empty.Complement();

    private readonly int[] pattern;
    private int position;
    private int depth;
    private bool ignoreCase;
    private bool dotMatchesLineFeed;

    private PatternParser(string pattern) => this.pattern = [.. pattern.EnumerateRunes().Select(rune => rune.Value)];

    /// <summary>The parsed pattern.</summary>
    /// <exception cref="FormatException">The pattern is malformed or uses a construct not known here.</exception>
    public static PatternNode Parse(string pattern)
    {
        if (pattern.Length > LongestPattern)
            throw new FormatException($"the pattern has {pattern.Length} characters; {LongestPattern} is the limit");
        var parser = new PatternParser(pattern);
        PatternNode node = parser.Alternatives();
        return parser.AtEnd ? node : throw new FormatException("unmatched ')'");
    }

    private bool AtEnd => position == pattern.Length;

    private int Peek => AtEnd ? -1 : pattern[position];

    private int Next() => AtEnd ? throw new FormatException("the pattern ends too early") : pattern[position++];

    private bool Take(string expected)
    {
        if (position + expected.Length > pattern.Length)
            return false;
        for (int i = 0; i < expected.Length; i++)
        {
            if (pattern[position + i] != expected[i])
                return false;
        }
        position += expected.Length;
        return true;
    }

    private PatternNode Alternatives()
    {
        if (++depth > DeepestGroup)
            throw new FormatException($"groups nest deeper than {DeepestGroup}");
        (bool savedCase, bool savedDot) = (ignoreCase, dotMatchesLineFeed);
        var items = new List<PatternNode> { Sequence() };
        while (Take("|"))
            items.Add(Sequence());
        (ignoreCase, dotMatchesLineFeed) = (savedCase, savedDot);
        depth--;
        return items.Count == 1 ? items[0] : new AlternativesNode(items);
    }

    private PatternNode Sequence()
    {
        var items = new List<PatternNode>();
        int previousLiteral = -1;
        while (!AtEnd && Peek != '|' && Peek != ')')
        {
            int start = position;
            PatternNode atom = Atom(out int literal);
            if (ignoreCase && literal >= 0)
                CheckFolding(previousLiteral, literal);
            previousLiteral = literal;
            PatternNode repeated = Quantified(atom, start);
            if (!ReferenceEquals(repeated, atom))
                previousLiteral = -1;
            items.Add(repeated);
        }
        return items.Count == 1 ? items[0] : new SequenceNode(items);
    }

    // Oniguruma lets one character match two under (?i), ß for ss. Code points are compared one for one here, so what could
    // differ is refused.
    private static void CheckFolding(int previous, int literal)
    {
        string pair = previous is > 0 and < 128 && literal < 128 ? $"{(char)previous}{(char)literal}".ToLowerInvariant() : "";
        if (pair is "ss" or "ff" or "fi" or "fl" or "st")
            throw new FormatException($"'{pair}' inside (?i…) is not supported (one character can stand for both)");
        if (literal >= 128 && !RuneSet.Range(literal, literal).IgnoringCase().IsSingle)
            throw new FormatException("letters outside ASCII inside (?i…) are not supported");
    }

    private PatternNode Quantified(PatternNode atom, int start)
    {
        while (true)
        {
            int before = position;
            if (!Quantifier(out int minimum, out int? maximum, out bool braces))
                return atom;
            if (atom is AnchorNode or LookNode)
                throw new FormatException($"a repeated '{Slice(start, before)}' is not supported");
            var greed = Greed.Greedy;
            if (Peek == '?')
            {
                // In this syntax x{n}? is an optional x{n}, not a lazy one; nobody means that.
                if (braces && minimum == maximum)
                    throw new FormatException($"'{Slice(before, position + 1)}' is not supported");
                position++;
                greed = Greed.Lazy;
            }
            else if (Peek == '+' && !braces)
            {
                // After braces a + repeats the repetition; only ?+, *+ and ++ are possessive.
                position++;
                greed = Greed.Possessive;
                if (atom is not SetNode)
                    throw new FormatException($"a possessive group '{Slice(start, position)}' is not supported");
            }
            if (atom.Nullable && maximum is null)
                throw new FormatException($"'{Slice(start, position)}' repeats something that can be empty, which is not supported");
            atom = new RepeatNode(atom, minimum, maximum, greed);
        }
    }

    private bool Quantifier(out int minimum, out int? maximum, out bool braces)
    {
        (minimum, maximum, braces) = (0, null, false);
        if (Take("*"))
            return true;
        if (Take("+"))
        {
            minimum = 1;
            return true;
        }
        if (Take("?"))
        {
            maximum = 1;
            return true;
        }
        if (Peek != '{')
            return false;
        int start = position++;
        int? low = Number();
        bool comma = Take(",");
        int? high = comma ? Number() : low;
        if (!Take("}") || (low is null && high is null))
        {
            position = start; // A brace that is no quantifier is itself.
            return false;
        }
        (minimum, maximum, braces) = (low ?? 0, high, true);
        if (minimum > (maximum ?? minimum))
            throw new FormatException($"the repetition '{Slice(start, position)}' has its bounds the wrong way round");
        return true;
    }

    private int? Number()
    {
        int start = position;
        int value = 0;
        while (Peek is >= '0' and <= '9')
        {
            value = value * 10 + (Next() - '0');
            if (value > MostRepeats)
                throw new FormatException($"a repetition over {MostRepeats} is not supported");
        }
        return position == start ? null : value;
    }

    private PatternNode Atom(out int literal)
    {
        literal = -1;
        int rune = Next();
        switch (rune)
        {
            case '(':
                return Group();
            case '[':
                return new SetNode(Class());
            case '.':
                return new SetNode(dotMatchesLineFeed ? Any : AnyButLineFeed);
            case '^':
                return new AnchorNode(Anchor.LineStart);
            case '$':
                return new AnchorNode(Anchor.LineEnd);
            case '*' or '+' or '?':
                throw new FormatException($"nothing before '{(char)rune}' to repeat");
            case '\\':
                Anchor? anchor = Peek switch
                {
                    'A' => Anchor.TextStart,
                    'z' => Anchor.TextEnd,
                    'Z' => Anchor.LastLineEnd,
                    'b' => Anchor.WordBoundary,
                    'B' => Anchor.NotWordBoundary,
                    _ => null,
                };
                if (anchor is { } place)
                {
                    position++;
                    return new AnchorNode(place);
                }
                if (Escape(inClass: false, out literal) is { } set)
                    return new SetNode(set);
                break;
            default:
                literal = rune;
                break;
        }
        var single = RuneSet.Range(literal, literal);
        return new SetNode(ignoreCase ? single.IgnoringCase() : single);
    }

    private PatternNode Group()
    {
        int start = position - 1;
        PatternNode node;
        if (Take("?:") || Peek != '?')
            node = Alternatives();
        else if (Take("?="))
            node = new LookNode(Alternatives(), Behind: false, Negative: false);
        else if (Take("?!"))
            node = new LookNode(Alternatives(), Behind: false, Negative: true);
        else if (Take("?<=") || Take("?<!"))
        {
            bool negative = pattern[position - 1] == '!';
            node = Alternatives();
            if (node is not SetNode)
                throw new FormatException($"the lookbehind '{Slice(start, position)}…' of more than one character is not supported");
            node = new LookNode(node, Behind: true, negative);
        }
        else
            return OptionGroup(start);
        return Take(")") ? node : throw new FormatException($"'{Slice(start, start + 3)}…' has no closing ')'");
    }

    private PatternNode OptionGroup(int start)
    {
        position++;
        (bool savedCase, bool savedDot) = (ignoreCase, dotMatchesLineFeed);
        bool on = true;
        while (Peek is 'i' or 'm' or '-')
        {
            switch (Next())
            {
                case 'i':
                    ignoreCase = on;
                    break;
                case 'm':
                    dotMatchesLineFeed = on;
                    break;
                default:
                    on = false;
                    break;
            }
        }
        if (position == start + 2 || (Peek != ':' && Peek != ')'))
            throw new FormatException($"the group '{Slice(start, position + 1)}…' is not supported");
        if (Next() == ':')
        {
            PatternNode node = Alternatives();
            (ignoreCase, dotMatchesLineFeed) = (savedCase, savedDot);
            return Take(")") ? node : throw new FormatException($"'{Slice(start, start + 4)}…' has no closing ')'");
        }
        // (?i) without a body governs the rest of the group around it, its later alternatives included: a(?i)b|c is a(?i:b|c).
        PatternNode rest = Alternatives();
        (ignoreCase, dotMatchesLineFeed) = (savedCase, savedDot);
        return rest;
    }

    // The inside of […], the opening bracket already read.
    private RuneSet Class()
    {
        int start = position - 1;
        if (++depth > DeepestGroup)
            throw new FormatException($"classes nest deeper than {DeepestGroup}");
        bool negated = Take("^");
        RuneSet? intersection = null;
        RuneSet union = RuneSet.Empty;
        bool first = true;
        while (true)
        {
            if (AtEnd)
                throw new FormatException($"the class '{Slice(start, start + 10)}…' has no closing ']'");
            if (!first && Take("]"))
                break;
            if (Take("&&"))
            {
                intersection = intersection is null ? union : intersection.Intersect(union);
                union = RuneSet.Empty;
            }
            else
                union = union.Union(ClassItem(first));
            first = false;
        }
        RuneSet set = intersection is null ? union : intersection.Intersect(union);
        if (ignoreCase)
        {
            if (!set.Intersect(RuneSet.Range(0, 127).Complement()).IsEmpty)
                throw new FormatException($"the class '{Slice(start, position)}' reaches beyond ASCII inside (?i…), which is not supported");
            set = set.IgnoringCase();
        }
        depth--;
        return negated ? set.Complement() : set;
    }

    private RuneSet ClassItem(bool first)
    {
        if (Take("["))
            return Peek == ':' ? throw new FormatException("a bracket class like [:alpha:] is not supported") : Class();
        int low = ClassRune(first, out RuneSet? set);
        if (set is not null)
            return set;
        // A minus before the closing bracket stands for itself.
        if (Peek != '-' || position + 1 >= pattern.Length || pattern[position + 1] == ']')
            return RuneSet.Range(low, low);
        position++;
        if (Peek == '[')
            throw new FormatException("a class range ends in a class");
        int high = ClassRune(first: false, out RuneSet? other);
        if (other is not null)
            throw new FormatException("a class range ends in a class");
        return low <= high ? RuneSet.Range(low, high) : throw new FormatException($"the class range '{Show(low)}-{Show(high)}' is empty");
    }

    private int ClassRune(bool first, out RuneSet? set)
    {
        set = null;
        int rune = Next();
        if (rune == ']' && first)
            throw new FormatException("a class that is empty or starts with ']' is not supported; write '\\]'");
        if (rune != '\\')
            return rune;
        set = Escape(inClass: true, out int literal);
        return literal;
    }

    // What follows a backslash: a set, or null and the code point it stands for.
    private RuneSet? Escape(bool inClass, out int literal)
    {
        literal = -1;
        int rune = Next();
        switch (rune)
        {
            case 'd':
                return UnicodeSets.Digit;
            case 'D':
                return UnicodeSets.Digit.Complement();
            case 's':
                return UnicodeSets.Space;
            case 'S':
                return UnicodeSets.Space.Complement();
            case 'w':
                return inClass ? UnicodeSets.WordInBrackets : UnicodeSets.Word;
            case 'W':
                return (inClass ? UnicodeSets.WordInBrackets : UnicodeSets.Word).Complement();
            case 'h':
                return HexDigits;
            case 'H':
                return HexDigits.Complement();
            case 'p' or 'P':
                return Property(rune == 'P');
        }
        literal = rune switch
        {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'f' => '\f',
            'v' => '\v',
            'a' => '\a',
            'e' => '\e',
            'b' when inClass => '\b',
            'x' => Take("{") ? HexNumber(1, 8, closed: true) : HexNumber(1, 2, closed: false),
            'u' => HexNumber(4, 4, closed: false),
            _ when rune < 128 && char.IsAsciiLetterOrDigit((char)rune) => throw new FormatException($"the escape '\\{(char)rune}' is not supported"),
            _ => rune,
        };
        return null;
    }

    private static readonly RuneSet HexDigits = RuneSet.Of(('0', '9'), ('a', 'f'), ('A', 'F'));

    private int HexNumber(int fewest, int most, bool closed)
    {
        long value = 0;
        int digits = 0;
        while (digits < most && Peek is >= 0 and < 128 && char.IsAsciiHexDigit((char)Peek))
        {
            value = value * 16 + Convert.ToInt32(((char)Next()).ToString(), 16);
            digits++;
        }
        if (digits < fewest || (closed && !Take("}")) || !Rune.IsValid((int)Math.Min(value, int.MaxValue)))
            throw new FormatException("a malformed \\x or \\u escape");
        return (int)value;
    }

    private RuneSet Property(bool negated)
    {
        if (!Take("{"))
            throw new FormatException("\\p without braces is not supported");
        negated ^= Take("^");
        int start = position;
        while (Peek is not ('}' or -1))
            position++;
        string name = Slice(start, position);
        if (!Take("}"))
            throw new FormatException("\\p{ has no closing '}'");
        RuneSet set = UnicodeSets.Named(name) ?? throw new FormatException($"the property '\\p{{{name}}}' is not supported");
        return negated ? set.Complement() : set;
    }

    private string Slice(int start, int end)
    {
        var text = new StringBuilder();
        for (int i = start; i < Math.Min(end, pattern.Length); i++)
            text.Append(Show(pattern[i]));
        return text.ToString();
    }

    private static string Show(int rune) => Rune.IsControl(new Rune(rune)) ? $"\\x{{{rune.ToString("X", CultureInfo.InvariantCulture)}}}" : new Rune(rune).ToString();
}
