using Faith.Engine.Tokenizers.Patterns;

namespace Faith.Engine.Tokenizers.Parts;

/// <summary>A step that splits text into the words the model sees one by one.</summary>
internal abstract class PreTokenizer
{
    /// <summary>Appends what becomes of a piece. Empty pieces need not be left out.</summary>
    public abstract void Apply(Piece piece, TokenizerWork work, List<Piece> output);

    /// <summary>What becomes of pieces, in order, without the empty ones.</summary>
    /// <exception cref="InputException">The text grew beyond measure.</exception>
    public virtual List<Piece> ApplyAll(List<Piece> pieces, Growth growth)
    {
        var output = new List<Piece>(pieces.Count);
        foreach (Piece piece in pieces)
            Apply(piece, growth.Work, output);
        output.RemoveAll(piece => piece.Text.Length == 0);
        growth.Count(output);
        return output;
    }
}

/// <summary>Splits at the matches of a pattern.</summary>
internal sealed class SplitPreTokenizer(RunePattern pattern, SplitBehavior behavior, bool invert) : PreTokenizer
{
    public override void Apply(Piece piece, TokenizerWork work, List<Piece> output) => Splitting.Split(piece, pattern, work, behavior, invert, output);
}

/// <summary>Splits at the members of a set of characters.</summary>
internal sealed class CharacterPreTokenizer(RuneSet set, SplitBehavior behavior) : PreTokenizer
{
    public override void Apply(Piece piece, TokenizerWork work, List<Piece> output) => Splitting.Split(piece, set, behavior, output);
}

/// <summary>Splits into words as GPT-2 does and writes each as the characters of its bytes.</summary>
internal sealed class ByteLevelPreTokenizer(bool addPrefixSpace, bool useRegex) : PreTokenizer
{
    private static readonly RunePattern Words =
        RunePattern.Parse(@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+");

    public override void Apply(Piece piece, TokenizerWork work, List<Piece> output)
    {
        if (addPrefixSpace && !piece.Text.StartsWith(' '))
            piece = piece with { Text = " " + piece.Text };
        int first = output.Count;
        if (useRegex)
            Splitting.Split(piece, Words, work, SplitBehavior.Isolated, invert: false, output);
        else
            output.Add(piece);
        for (int i = first; i < output.Count; i++)
            output[i] = output[i] with { Text = ByteAlphabet.FromText(output[i].Text) };
    }
}

/// <summary>When a Metaspace step puts its mark before a text that does not start with one.</summary>
internal enum PrependScheme
{
    /// <summary>Always.</summary>
    Always,

    /// <summary>At the start of the whole text only.</summary>
    First,

    /// <summary>Never.</summary>
    Never,
}

/// <summary>Writes spaces as a visible mark, puts one in front, and splits before each.</summary>
internal sealed class MetaspacePreTokenizer(string mark, PrependScheme prepend, bool split) : PreTokenizer
{
    private readonly RunePattern delimiter = RunePattern.Literal(mark);

    public override void Apply(Piece piece, TokenizerWork work, List<Piece> output)
    {
        string text = piece.Text.Replace(" ", mark, StringComparison.Ordinal);
        bool wanted = prepend == PrependScheme.Always || (prepend == PrependScheme.First && piece.AtStart);
        if (wanted && !text.StartsWith(mark, StringComparison.Ordinal))
            text = mark + text;
        piece = piece with { Text = text };
        if (split)
            Splitting.Split(piece, delimiter, work, SplitBehavior.MergedWithNext, invert: false, output);
        else
            output.Add(piece);
    }
}

/// <summary>Steps one after the other.</summary>
internal sealed class SequencePreTokenizer(List<PreTokenizer> steps) : PreTokenizer
{
    public override void Apply(Piece piece, TokenizerWork work, List<Piece> output) =>
        throw new InvalidOperationException("A sequence applies to all pieces at once.");

    public override List<Piece> ApplyAll(List<Piece> pieces, Growth growth)
    {
        foreach (PreTokenizer step in steps)
            pieces = step.ApplyAll(pieces, growth);
        return pieces;
    }
}
