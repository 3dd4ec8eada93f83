using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Tasks;

namespace Faith.Engine.Experiments;

/// <summary>What `--data` names: a file, or a built-in task.</summary>
public static class DataSource
{
    /// <summary>Loads the examples and checks them against the model.</summary>
    /// <param name="examples">How many, or null for all of a file and <see cref="TaskPrompts.DefaultCount"/> of a task.</param>
    /// <param name="note">Says what was left out.</param>
    /// <param name="needs">What the examples must have; everything unless given.</param>
    /// <param name="option">The option that named the data, for messages.</param>
    /// <param name="format">How a file is read.</param>
    /// <param name="seed">Which examples: of a task the prompts of this seed; of a file the first ones for 0, else those that the seed draws.</param>
    public static PromptSet Load(string data, int? examples, LoadedModel model, Action<string> note, PromptNeeds? needs = null, string option = "--data", PromptFormat? format = null, ulong seed = 0,
        CancellationToken cancellation = default)
    {
        var task = File.Exists(data) && TaskCatalog.All.All(t => t.Name != data) ? null : TaskCatalog.TryFind(data);
        if (task is null)
        {
            // A name without a folder or an extension was meant as a task.
            if (!File.Exists(data) && !Directory.Exists(data) && Path.GetFileName(data) == data && !Path.HasExtension(data))
            {
                throw new InputException($"{option} {data}: neither a file nor a built-in task ({string.Join(", ", TaskCatalog.All.Select(t => t.Name))}){KnownNames.Suggest(data, TaskCatalog.All.Select(t => t.Name))}");
            }
            var set = PromptSet.Load(data, model.Tokenizer, model.Config, needs, format, cancellation);
            if (set.Shortened > 0) note($"{data}: {set.Shortened} word{(set.Shortened == 1 ? "" : "s")} among the answers and distractors have several tokens and stand by their first");
            return examples is not { } count ? set : seed == 0 || count >= set.Count ? set.First(count) : Drawn(set, count, seed);
        }
        // The prompts that the shipped model never saw.
        var tokenizer = model.Tokenizer ?? throw new InputException($"{option} {data}: a built-in task is text, but the model has no tokenizer; give a file of token ids");
        var loaded = TaskData.Load(task, examples ?? TaskPrompts.DefaultCount, seed, TaskSplit.HeldOut, tokenizer, model.Config, cancellation);
        if (loaded.Skipped > 0) note($"{loaded.Skipped} prompts of {data} do not fit the tokenizer of {model.Name} and were skipped; {loaded.Prompts.Count} are used");
        return loaded.Prompts;
    }

    // Without replacement, and in the order of the set.
    private static PromptSet Drawn(PromptSet set, int count, ulong seed)
    {
        var order = Enumerable.Range(0, set.Count).ToArray();
        new Random64(seed).Shuffle<int>(order);
        return set.At([.. order.Take(count).Order()]);
    }
}
