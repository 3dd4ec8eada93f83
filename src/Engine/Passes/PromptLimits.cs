using Faith.Engine.Data;
using Faith.Engine.Models;

namespace Faith.Engine.Passes;

/// <summary>
/// What a model can be run on, checked where the passes begin, whoever made the examples: devices read the rows that ids and
/// positions name without looking whether there are such rows.
/// </summary>
internal static class PromptLimits
{
    /// <summary>Checks examples; returns the number of tokens of the longest prompt.</summary>
    /// <param name="config">The model.</param>
    /// <param name="data">The examples.</param>
    /// <param name="called">What a message calls them; null: by their numbers.</param>
    /// <exception cref="InputException">A prompt is empty or longer than the context, clean and corrupted differ in length, or an id is outside the vocabulary.</exception>
    public static int Check(ModelConfig config, IReadOnlyList<Example> data, string? called)
    {
        var longest = 0;
        for (var i = 0; i < data.Count; i++)
        {
            var example = data[i];
            var length = example.Clean.Length;
            if (length == 0) throw Bad(i, "the prompt is empty");
            if (length > config.Context) throw Bad(i, $"the prompt has {length} tokens; the model's context holds {config.Context}");
            if (example.Corrupted.Length != length) throw Bad(i, $"clean has {length} tokens and corrupted {example.Corrupted.Length}; both must have the same number");
            longest = Math.Max(longest, length);
            foreach (var ids in (ReadOnlySpan<int[]>)[example.Clean, example.Corrupted, example.Answers, example.Distractors])
            {
                foreach (var id in ids)
                {
                    if ((uint)id >= (uint)config.Vocabulary) throw Bad(i, $"token id {id} is outside the model's vocabulary (0 to {config.Vocabulary - 1}); check that the ids, or the tokenizer that made them, are of this model");
                }
            }
        }
        return longest;

        InputException Bad(int index, string what) => new($"{called ?? $"example {ExamplePart.NumberOf(data, index)}"}: {what}");
    }
}
