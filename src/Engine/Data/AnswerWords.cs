using Faith.Engine.Tokenizers;

namespace Faith.Engine.Data;

/// <summary>
/// Whether the answers of a table, given as ids, are words that stand in their rows: in the prompt, as the name that follows, or in a column
/// of their own. Ids that another model's tokenizer made are other words here, and nothing else would show it.
/// </summary>
/// <param name="tokenizer">The model's, or null where it has none: then nothing can be said.</param>
internal sealed class AnswerWords(Tokenizer? tokenizer)
{
    // A few rows tell. Pronouns follow prompts that do not hold them, so they tell nothing.
    private const int Examined = 20;
    private static readonly HashSet<string> Pronouns = new(StringComparer.OrdinalIgnoreCase) { "he", "she", "him", "her", "his", "hers", "they" };

    private int rows, hits;
    private string? first;

    /// <summary>What speaks against the ids, or null.</summary>
    public string? Doubt => first is null || hits * 2 >= rows ? null
        : $"{first}; {rows - hits} of the first {rows} rows are like that, so the ids seem to be of another model's tokenizer";

    /// <summary>Looks at one row.</summary>
    public void Note(int line, string[] fields, IReadOnlyList<TokenDraft> answers)
    {
        if (tokenizer is null or { Count: 0 } || rows >= Examined || answers is not [var answer, ..] || answer.Id < 0) return;
        var known = answer.Id < tokenizer.Count;
        var word = known ? tokenizer.TokenText(answer.Id).Trim() : "";
        if (Pronouns.Contains(word)) return;
        rows++;
        if (word.Length > 1 && fields.Any(field => BeginsAWord(field, word))) hits++;
        else first ??= known ? $"line {line}: the answer {answer.Id} is {PlainText.Quote(tokenizer.TokenText(answer.Id))}, which does not stand in its row" : $"line {line}: the answer {answer.Id} is no token of the model's tokenizer";
    }

    private static bool BeginsAWord(string field, string word)
    {
        for (var at = field.IndexOf(word, StringComparison.Ordinal); at >= 0; at = field.IndexOf(word, at + 1, StringComparison.Ordinal))
        {
            if (at == 0 || !char.IsLetterOrDigit(field[at - 1])) return true;
        }
        return false;
    }
}
