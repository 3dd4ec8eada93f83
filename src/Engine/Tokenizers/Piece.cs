namespace Faith.Engine.Tokenizers;

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
    /// <summary>The parts that matches split the piece into; with invert, what lies between them is the delimiter. Empty parts are left out.</summary>
    public static IEnumerable<Piece> Split(Piece piece, IEnumerable<(int Start, int End)> matches, SplitBehavior behavior, bool invert)
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
        return Join(parts, behavior).Where(part => part.Start != part.End).Select(part => piece.Slice(part.Start, part.End));
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
