using System.Text;
using Faith.Engine.Tokenizers.Patterns;

namespace Faith.Engine.Tokenizers.Parts;

/// <summary>A step that rewrites text before it is split.</summary>
internal abstract class Normalizer
{
    /// <summary>The text rewritten. What loses its first character no longer begins where the whole text begins.</summary>
    /// <exception cref="InputException">The text grew beyond measure.</exception>
    public abstract Piece Apply(Piece piece, Growth growth);
}

/// <summary>One of the four Unicode normalization forms.</summary>
internal sealed class UnicodeNormalizer(bool compatibility, bool compose) : Normalizer
{
    public override Piece Apply(Piece piece, Growth growth) =>
        piece with { Text = UnicodeForms.Normalize(piece.Text, compatibility, compose) };
}

/// <summary>Lower case, character by character.</summary>
internal sealed class LowercaseNormalizer : Normalizer
{
    // The one character whose lower case is two; no context rule (final sigma) applies character by character.
    public override Piece Apply(Piece piece, Growth growth) =>
        piece with { Text = piece.Text.Replace("\u0130", "i\u0307", StringComparison.Ordinal).ToLowerInvariant() };
}

/// <summary>Puts a text in front of any that is not empty.</summary>
internal sealed class PrependNormalizer(string prefix) : Normalizer
{
    public override Piece Apply(Piece piece, Growth growth) =>
        piece.Text.Length == 0 ? piece : piece with { Text = prefix + piece.Text };
}

/// <summary>Replaces the matches of a pattern.</summary>
internal sealed class ReplaceNormalizer(RunePattern pattern, string content) : Normalizer
{
    public override Piece Apply(Piece piece, Growth growth)
    {
        StringBuilder? replaced = null;
        int copied = 0;
        foreach ((int start, int end) in pattern.Matches(piece.Text, growth.Work))
        {
            replaced ??= new StringBuilder();
            replaced.Append(piece.Text, copied, start - copied).Append(content);
            copied = end;
            if (start == 0 && end > 0 && content.Length == 0)
                piece = piece with { AtStart = false };
            growth.Check(replaced.Length);
        }
        return replaced is null
            ? piece
            : piece with { Text = replaced.Append(piece.Text, copied, piece.Text.Length - copied).ToString() };
    }
}

/// <summary>Removes white space at the ends.</summary>
internal sealed class StripNormalizer(bool left, bool right) : Normalizer
{
    public override Piece Apply(Piece piece, Growth growth)
    {
        string text = left ? piece.Text.TrimStart() : piece.Text;
        bool atStart = piece.AtStart && text.Length == piece.Text.Length;
        return new(right ? text.TrimEnd() : text, atStart);
    }
}

/// <summary>Removes combining marks.</summary>
internal sealed class StripAccentsNormalizer : Normalizer
{
    public override Piece Apply(Piece piece, Growth growth)
    {
        var kept = new StringBuilder(piece.Text.Length);
        foreach (Rune rune in piece.Text.EnumerateRunes())
        {
            if (!UnicodeSets.Accent.Contains(rune.Value))
                kept.Append(rune.ToString());
        }
        bool dropsFirst = piece.Text.Length > 0 && UnicodeSets.Accent.Contains(Rune.GetRuneAt(piece.Text, 0).Value);
        return new(kept.ToString(), piece.AtStart && !dropsFirst);
    }
}

/// <summary>Writes text as the characters of its bytes.</summary>
internal sealed class ByteLevelNormalizer : Normalizer
{
    public override Piece Apply(Piece piece, Growth growth) => piece with { Text = ByteAlphabet.FromText(piece.Text) };
}

/// <summary>Steps one after the other.</summary>
internal sealed class SequenceNormalizer(List<Normalizer> steps) : Normalizer
{
    public override Piece Apply(Piece piece, Growth growth)
    {
        foreach (Normalizer step in steps)
        {
            piece = step.Apply(piece, growth);
            growth.Count(piece.Text);
        }
        return piece;
    }
}
