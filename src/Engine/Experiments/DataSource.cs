using Faith.Engine.Data;
using Faith.Engine.Tasks;

namespace Faith.Engine.Experiments;

/// <summary>What `--data` names: a file, or a built-in task.</summary>
public static class DataSource
{
    // Data of a built-in task are the same in every run: the prompts that the shipped model never saw, in the order of one seed.
    private const ulong Seed = 0;

    /// <summary>Loads the examples and checks them against the model.</summary>
    /// <param name="examples">How many, or null for all of a file and <see cref="TaskPrompts.DefaultCount"/> of a task.</param>
    /// <param name="note">Says what was left out.</param>
    /// <param name="needs">What the examples must have; everything unless given.</param>
    /// <param name="option">The option that named the data, for messages.</param>
    public static PromptSet Load(string data, int? examples, LoadedModel model, Action<string> note, PromptNeeds? needs = null, string option = "--data", CancellationToken cancellation = default)
    {
        var task = File.Exists(data) && TaskCatalog.All.All(t => t.Name != data) ? null : TaskCatalog.TryFind(data);
        if (task is null)
        {
            // A name without a folder or an extension was meant as a task.
            if (!File.Exists(data) && !Directory.Exists(data) && Path.GetFileName(data) == data && !Path.HasExtension(data))
            {
                throw new InputException($"{option} {data}: neither a file nor a built-in task ({string.Join(", ", TaskCatalog.All.Select(t => t.Name))}){KnownNames.Suggest(data, TaskCatalog.All.Select(t => t.Name))}");
            }
            var set = PromptSet.Load(data, model.Tokenizer, model.Config, needs, cancellation);
            return examples is { } count ? set.First(count) : set;
        }
        var tokenizer = model.Tokenizer ?? throw new InputException($"{option} {data}: a built-in task is text, but the model has no tokenizer; give a file of token ids");
        var loaded = TaskData.Load(task, examples ?? TaskPrompts.DefaultCount, Seed, TaskSplit.HeldOut, tokenizer, model.Config, cancellation);
        if (loaded.Skipped > 0) note($"{loaded.Skipped} prompts of {data} do not fit the tokenizer of {model.Name} and were skipped; {loaded.Prompts.Count} are used");
        return loaded.Prompts;
    }
}
