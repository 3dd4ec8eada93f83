using System.Text;
using Faith.Engine.Tokenizers.Patterns;

namespace Faith.Engine.Tokenizers.Parts;

/// <summary>A step that rewrites text before it is split.</summary>
internal abstract class Normalizer
{
    /// <summary>The text rewritten.</summary>
    /// <exception cref="InputException">The text grew beyond measure.</exception>
    public abstract string Apply(string text, Growth growth);
}

/// <summary>One of the four Unicode normalization forms.</summary>
internal sealed class UnicodeNormalizer(bool compatibility, bool compose) : Normalizer
{
    public override string Apply(string text, Growth growth) => UnicodeForms.Normalize(text, compatibility, compose);
}

/// <summary>Lower case, character by character.</summary>
internal sealed class LowercaseNormalizer : Normalizer
{
    // The one character whose lower case is two; no context rule (final sigma) applies character by character.
    public override string Apply(string text, Growth growth) =>
        text.Replace("\u0130", "i\u0307", StringComparison.Ordinal).ToLowerInvariant();
}

/// <summary>Puts a text in front of any that is not empty.</summary>
internal sealed class PrependNormalizer(string prefix) : Normalizer
{
    public override string Apply(string text, Growth growth) => text.Length == 0 ? text : prefix + text;
}

/// <summary>Replaces the matches of a pattern.</summary>
internal sealed class ReplaceNormalizer(RunePattern pattern, string content) : Normalizer
{
    public override string Apply(string text, Growth growth) => Replace(text, pattern, content, growth);

    /// <summary>The text with every match replaced.</summary>
    public static string Replace(string text, RunePattern pattern, string content, Growth growth)
    {
        StringBuilder? replaced = null;
        int copied = 0;
        foreach ((int start, int end) in pattern.Matches(text))
        {
            replaced ??= new StringBuilder();
            replaced.Append(text, copied, start - copied).Append(content);
            copied = end;
            growth.Check(replaced.Length);
        }
        return replaced is null ? text : replaced.Append(text, copied, text.Length - copied).ToString();
    }
}

/// <summary>Removes white space at the ends.</summary>
internal sealed class StripNormalizer(bool left, bool right) : Normalizer
{
    public override string Apply(string text, Growth growth)
    {
        if (left)
            text = text.TrimStart();
        return right ? text.TrimEnd() : text;
    }
}

/// <summary>Removes combining marks.</summary>
internal sealed class StripAccentsNormalizer : Normalizer
{
    public override string Apply(string text, Growth growth)
    {
        var kept = new StringBuilder(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
        {
            if (!UnicodeSets.Mark.Contains(rune.Value))
                kept.Append(rune.ToString());
        }
        return kept.ToString();
    }
}

/// <summary>Writes text as the characters of its bytes.</summary>
internal sealed class ByteLevelNormalizer : Normalizer
{
    public override string Apply(string text, Growth growth) => ByteAlphabet.FromText(text);
}

/// <summary>Steps one after the other.</summary>
internal sealed class SequenceNormalizer(List<Normalizer> steps) : Normalizer
{
    public override string Apply(string text, Growth growth)
    {
        foreach (Normalizer step in steps)
        {
            text = step.Apply(text, growth);
            growth.Check(text.Length);
        }
        return text;
    }
}
