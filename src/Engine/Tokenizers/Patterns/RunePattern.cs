using System.Text;

namespace Faith.Engine.Tokenizers.Patterns;

/// <summary>
/// A regular expression over code points with the meaning of Oniguruma's: the leftmost match, earlier alternatives first. Matching
/// takes time proportional to text × pattern whatever the two are.
/// </summary>
internal sealed class RunePattern
{
    private readonly PatternProgram program;

    // Where it stands in its file, for messages.
    private readonly string place;

    private RunePattern(PatternProgram program, string place)
    {
        this.program = program;
        this.place = place;
    }

    /// <summary>Compiles a regular expression.</summary>
    /// <exception cref="FormatException">The expression is malformed or uses a construct not known here.</exception>
    public static RunePattern Parse(string expression, string place = "pattern") => new(PatternProgram.Compile(PatternParser.Parse(expression)), place);

    /// <summary>A pattern that matches the text itself.</summary>
    /// <exception cref="FormatException">The text is too long.</exception>
    public static RunePattern Literal(string text, string place = "pattern")
    {
        var items = new List<PatternNode>();
        foreach (Rune rune in text.EnumerateRunes())
            items.Add(new SetNode(RuneSet.Range(rune.Value, rune.Value)));
        return new(PatternProgram.Compile(new SequenceNode(items)), place);
    }

    /// <summary>A pattern that matches the longest stretches of the members of each set; the sets have nothing in common.</summary>
    public static RunePattern Runs(params RuneSet[] sets)
    {
        IEnumerable<PatternNode> runs = sets.Select(set => new RepeatNode(new SetNode(set), 1, null, Greed.Possessive));
        return new(PatternProgram.Compile(new AlternativesNode([.. runs])), "pattern");
    }

    /// <summary>
    /// The matches from left to right as UTF-16 offsets, start included and end not. A match may be empty, but not where the one
    /// before ended.
    /// </summary>
    /// <exception cref="InputException">Finding them takes too many steps.</exception>
    public IEnumerable<(int Start, int End)> Matches(string text, TokenizerWork work)
    {
        work.Allow(text.Length);
        var matcher = new PatternMatcher(program, text, work, place);
        int from = 0;
        int lastEnd = -1;
        while (matcher.Find(from) is { } match)
        {
            if (match.End == match.Start && match.End == lastEnd)
            {
                if (lastEnd == text.Length)
                    yield break;
                from = lastEnd + (char.IsHighSurrogate(text[lastEnd]) ? 2 : 1);
                continue;
            }
            (from, lastEnd) = (match.End, match.End);
            yield return match;
        }
    }
}
