using Faith.Engine.Tokenizers.Patterns;

namespace Faith.Engine.Tokenizers.Parts;

/// <summary>A stretch of text on its way to the model.</summary>
/// <param name="Text">The text, normalized.</param>
/// <param name="AtStart">Whether it begins where the whole text begins.</param>
internal readonly record struct Piece(string Text, bool AtStart)
{
    /// <summary>A part of the piece.</summary>
    public Piece Slice(int start, int end) => new(Text[start..end], AtStart && start == 0);
}

/// <summary>What becomes of the delimiters that a text is split at.</summary>
internal enum SplitBehavior
{
    /// <summary>Dropped.</summary>
    Removed,

    /// <summary>Pieces of their own.</summary>
    Isolated,

    /// <summary>The end of the piece before.</summary>
    MergedWithPrevious,

    /// <summary>The start of the piece after.</summary>
    MergedWithNext,

    /// <summary>Pieces of their own, neighbours joined.</summary>
    Contiguous,
}

/// <summary>Splitting a piece at delimiters.</summary>
internal static class Splitting
{
    /// <summary>Appends the parts that a pattern splits the piece into; with invert, what it does not match is the delimiter.</summary>
    public static void Split(Piece piece, RunePattern pattern, TokenizerWork work, SplitBehavior behavior, bool invert, List<Piece> output) =>
        Split(piece, pattern.Matches(piece.Text, work), behavior, invert, output);

    /// <summary>Appends the parts that the members of a set split the piece into, each a delimiter by itself.</summary>
    public static void Split(Piece piece, RuneSet delimiters, SplitBehavior behavior, List<Piece> output) =>
        Split(piece, Members(piece.Text, delimiters), behavior, invert: false, output);

    private static IEnumerable<(int Start, int End)> Members(string text, RuneSet set)
    {
        int width;
        for (int i = 0; i < text.Length; i += width)
        {
            width = char.IsHighSurrogate(text[i]) ? 2 : 1;
            if (set.Contains(width == 2 ? char.ConvertToUtf32(text[i], text[i + 1]) : text[i]))
                yield return (i, i + width);
        }
    }

    private static void Split(
        Piece piece, IEnumerable<(int Start, int End)> matches, SplitBehavior behavior, bool invert, List<Piece> output)
    {
        var parts = new List<(int Start, int End, bool Delimiter)>();
        int covered = 0;
        foreach ((int start, int end) in matches)
        {
            if (start != covered)
                parts.Add((covered, start, invert));
            parts.Add((start, end, !invert));
            covered = end;
        }
        if (covered != piece.Text.Length)
            parts.Add((covered, piece.Text.Length, invert));
        foreach ((int start, int end) in Join(parts, behavior))
        {
            if (start != end)
                output.Add(piece.Slice(start, end));
        }
    }

    private static IEnumerable<(int Start, int End)> Join(List<(int Start, int End, bool Delimiter)> parts, SplitBehavior behavior)
    {
        if (behavior is SplitBehavior.Removed or SplitBehavior.Isolated)
            return parts.Where(part => behavior == SplitBehavior.Isolated || !part.Delimiter).Select(part => (part.Start, part.End));
        bool backwards = behavior == SplitBehavior.MergedWithNext;
        if (backwards)
            parts.Reverse();
        var joined = new List<(int Start, int End)>();
        bool previous = false;
        foreach ((int start, int end, bool delimiter) in parts)
        {
            bool join = behavior == SplitBehavior.Contiguous ? delimiter == previous : delimiter && !previous;
            if (!join || joined.Count == 0)
                joined.Add((start, end));
            else
                joined[^1] = backwards ? (start, joined[^1].End) : (joined[^1].Start, end);
            previous = delimiter;
        }
        if (backwards)
            joined.Reverse();
        return joined;
    }
}
