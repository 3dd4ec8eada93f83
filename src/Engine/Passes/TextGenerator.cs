using Faith.Engine.Data;

namespace Faith.Engine.Passes;

/// <summary>Continues a text with the most likely tokens: a quick look at whether a model was read correctly.</summary>
public static class TextGenerator
{
    /// <summary>Greedy continuation of <paramref name="prompt"/>, one token at a time, until the end token, <paramref name="count"/> tokens or the end of the context. Ties go to the lower id.</summary>
    public static IEnumerable<int> Continue(Transformer model, IReadOnlyList<int> prompt, int count)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(prompt);
        if (prompt.Count == 0) throw new InputException("the prompt is empty");
        var tokens = prompt.ToList();
        for (var i = 0; i < count && tokens.Count < model.Config.Context; i++)
        {
            var logits = LastLogits(model, [.. tokens]);
            var next = Array.IndexOf(logits, logits.Max());
            if (next == model.Config.EndToken) yield break;
            tokens.Add(next);
            yield return next;
        }
    }

    /// <summary>The logits [vocabulary] after the last token of a prompt.</summary>
    /// <exception cref="InputException">The model cannot run the prompt, or its logits are not finite.</exception>
    public static float[] LastLogits(Transformer model, int[] tokens)
    {
        ArgumentNullException.ThrowIfNull(model);
        model.Admit([new Example(tokens, tokens, [], [])], "the prompt");
        var result = new float[model.Config.Vocabulary];
        PromptLogits.Run(model, [tokens], (_, logits) => logits.CopyTo(result.AsSpan()), called: _ => "the prompt");
        return result;
    }
}
