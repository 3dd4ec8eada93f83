using Faith.Engine.Data;
using Faith.Engine.Tokenizers;

namespace Faith.Engine.Reports;

/// <summary>Examples in words.</summary>
public static class ReportPrompts
{
    private const int Most = 200, LongestPrompt = 400, WordsShown = 4;

    /// <summary>The first examples of a set, decoded from the ids that the model is given; ids where there is no tokenizer for them.</summary>
    public static ReportPrompt[] Of(PromptSet data, Tokenizer? tokenizer)
    {
        ArgumentNullException.ThrowIfNull(data);
        return [.. data.Take(Most).Select(e => new ReportPrompt(Prompt(e.Clean), data.HasCorrupted ? Prompt(e.Corrupted) : null, Words(e.Answers), Words(e.Distractors)))];

        string Prompt(int[] ids) => PlainText.Short(Known(ids) ? tokenizer!.Decode(ids) : string.Join(' ', ids), LongestPrompt);

        string Words(int[] ids) => string.Join(", ", ids.Take(WordsShown).Select(id => Known([id]) ? PlainText.Quote(tokenizer!.TokenText(id)) : $"{id}")) + (ids.Length > WordsShown ? $", … ({ids.Length})" : "");

        bool Known(int[] ids) => tokenizer is not null && ids.All(id => id < tokenizer.Count);
    }
}
