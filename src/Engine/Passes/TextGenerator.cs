using Faith.Engine.Data;
using Faith.Kernels;

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
        Example[] prompt = [new(tokens, tokens, [], [])];
        model.Admit(prompt, "the prompt");
        var measured = Arena.Measuring();
        _ = Run(measured, measuring: true);
        var memory = model.Workspace(measured.Peak);
        var logits = Run(new Arena(memory), measuring: false);
        var result = new float[model.Config.Vocabulary];
        model.Device.Download(logits, result);
        if (!Array.TrueForAll(result, float.IsFinite)) throw new InputException($"the logits are not finite: {FiniteMetric.Overflow}");
        return result;

        Tensor Run(Arena arena, bool measuring)
        {
            var batch = new Batch(prompt, sharePrefixes: false);
            var run = new WholePromptRun(model, arena, measuring, batch, tokens, everyRow: false);
            var logits = arena.Matrix(1, model.Config.Vocabulary);
            if (measuring) return logits;
            run.Execute();
            model.Device.Multiply(model.Unembedding, WeightSide.Transposed, run.Activations.Final, logits);
            return logits;
        }
    }
}
