using Faith.Engine.Data;
using Faith.Engine.Models;
using Faith.Engine.Tokenizers;

namespace Faith.Engine.Tasks;

/// <summary>
/// A built-in task as examples for one model. The tasks are made of words that are single tokens of the shipped model; another
/// tokenizer may cut some of them, so what does not fit is left out: answers and distractors of several tokens, and prompts
/// whose clean and corrupted forms then differ in length, exceed the context or have no answer or no distractor left.
/// </summary>
/// <param name="Prompts">The examples.</param>
/// <param name="Skipped">How many prompts were passed over because they do not fit the tokenizer.</param>
public sealed record TaskData(PromptSet Prompts, int Skipped)
{
    /// <summary>Prompts looked at for every one asked for before giving up.</summary>
    private const int Patience = 20;

    /// <summary>The first <paramref name="count"/> prompts of a task that fit, or as many as there are.</summary>
    /// <exception cref="InputException">The task has fewer prompts, or none fits the tokenizer.</exception>
    public static TaskData Load(TaskGenerator task, int count, ulong seed, TaskSplit split, Tokenizer tokenizer, ModelConfig config, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(config);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        var fitting = new List<(string, string, IReadOnlyList<string>, IReadOnlyList<string>)>();
        var seen = 0;
        foreach (var prompt in task.Prompts(seed, split).Take(checked((int)Math.Min((long)count * Patience, int.MaxValue))))
        {
            cancellation.ThrowIfCancellationRequested();
            if (fitting.Count == count) break;
            seen++;
            var (answers, distractors) = (Single(prompt.Answers), Single(prompt.Distractors));
            var length = tokenizer.EncodePrompt(prompt.Clean, cancellation).Length;
            if (answers.Length == 0 || distractors.Length == 0 || length > config.Context || length != tokenizer.EncodePrompt(prompt.Corrupted, cancellation).Length) continue;
            fitting.Add((prompt.Clean, prompt.Corrupted, answers, distractors));
        }
        if (fitting.Count == 0)
        {
            throw new InputException($"task {task.Name}: none of {seen} prompts fits the model's tokenizer and context: their answers are not single tokens, or clean and corrupted differ in length");
        }
        if (fitting.Count == seen && seen < count) throw new InputException($"task {task.Name}: {count} prompts asked for, but there are only {seen}; ask for at most that many");
        return new(PromptSet.FromText(task.Name, fitting, tokenizer, config, cancellation), seen - fitting.Count);

        string[] Single(string[] words) => [.. words.Where(word => tokenizer.Encode(word, cancellation).Length == 1)];
    }
}
