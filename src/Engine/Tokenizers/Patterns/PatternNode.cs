namespace Faith.Engine.Tokenizers.Patterns;

/// <summary>A parsed pattern.</summary>
internal abstract record PatternNode
{
    /// <summary>Whether the node can match without consuming anything.</summary>
    public abstract bool Nullable { get; }
}

/// <summary>One code point of a set.</summary>
internal sealed record SetNode(RuneSet Set) : PatternNode
{
    public override bool Nullable => false;
}

/// <summary>Nodes one after the other; no nodes match the empty string.</summary>
internal sealed record SequenceNode(List<PatternNode> Items) : PatternNode
{
    public override bool Nullable => Items.TrueForAll(item => item.Nullable);
}

/// <summary>The first alternative that lets the rest match.</summary>
internal sealed record AlternativesNode(List<PatternNode> Items) : PatternNode
{
    public override bool Nullable => Items.Exists(item => item.Nullable);
}

/// <summary>How a repetition gives way.</summary>
internal enum Greed
{
    /// <summary>As many as possible, fewer when the rest fails.</summary>
    Greedy,

    /// <summary>As few as possible, more when the rest fails.</summary>
    Lazy,

    /// <summary>As many as possible, never fewer.</summary>
    Possessive,
}

/// <summary>A node Minimum to Maximum times; Maximum is null without a bound.</summary>
internal sealed record RepeatNode(PatternNode Item, int Minimum, int? Maximum, Greed Greed) : PatternNode
{
    public override bool Nullable => Minimum == 0 || Item.Nullable;
}

/// <summary>A condition on the text after (or, for one code point, before) the position.</summary>
internal sealed record LookNode(PatternNode Item, bool Behind, bool Negative) : PatternNode
{
    public override bool Nullable => true;
}

/// <summary>A position of the text.</summary>
internal enum Anchor
{
    /// <summary>^: the start of a line.</summary>
    LineStart,

    /// <summary>$: the end of a line.</summary>
    LineEnd,

    /// <summary>\A: the start of the text.</summary>
    TextStart,

    /// <summary>\z: the end of the text.</summary>
    TextEnd,

    /// <summary>\Z: the end of the text or before its final line feed.</summary>
    LastLineEnd,

    /// <summary>\b: between a word character and none.</summary>
    WordBoundary,

    /// <summary>\B: anywhere else.</summary>
    NotWordBoundary,
}

/// <summary>A position of the text as a condition.</summary>
internal sealed record AnchorNode(Anchor Anchor) : PatternNode
{
    public override bool Nullable => true;
}
