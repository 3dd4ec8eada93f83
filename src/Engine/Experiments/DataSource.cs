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
        if (TaskOf(data, option) is { } task)
        {
            NoteWhatDoesNothing(task, format, note);
            return OfTask(task, examples ?? TaskPrompts.DefaultCount, TaskSplit.HeldOut, model, note, option, seed, cancellation);
        }
        var set = OfFile(data, model, note, needs, format, cancellation);
        var chosen = examples is not { } count ? set : seed == 0 || count >= set.Count ? set.First(count) : set.At([.. Order(set, seed).Take(count).Order()]);
        RequireOneLength(data, needs, chosen);
        return chosen;
    }

    /// <summary>Loads examples to score edges by and others to measure circuits on: of a task prompts of its two parts, none of which is in both; of a file other lines.</summary>
    /// <param name="examples">How many to score by, or null for all others of a file and <see cref="TaskPrompts.DefaultCount"/> of a task.</param>
    /// <param name="heldOut">How many to measure on.</param>
    /// <param name="note">Says what was left out.</param>
    /// <param name="needs">What the examples must have.</param>
    /// <param name="format">How a file is read.</param>
    /// <param name="seed">Which examples, as for <see cref="Load"/>: those to measure on come after those to score by.</param>
    /// <exception cref="InputException">They cannot be loaded, or there are too few.</exception>
    public static (PromptSet Scored, PromptSet HeldOut) LoadParts(string data, int? examples, int heldOut, LoadedModel model, Action<string> note, PromptNeeds needs, PromptFormat format, ulong seed, CancellationToken cancellation)
    {
        const string option = "data";
        if (TaskOf(data, option) is { } task)
        {
            NoteWhatDoesNothing(task, format, note);
            return (OfTask(task, examples ?? TaskPrompts.DefaultCount, TaskSplit.Train, model, note, option, seed, cancellation), OfTask(task, heldOut, TaskSplit.HeldOut, model, note, option, seed, cancellation));
        }
        var set = OfFile(data, model, note, needs, format, cancellation);
        var count = examples ?? set.Count - heldOut;
        if (count < 1 || count + (long)heldOut > set.Count) throw new InputException($"held-out {heldOut}: {data} has {set.Count} examples{(examples is null ? "" : $", of which {count} are to be scored")}; give more of them, or ask for fewer");
        int[] order = seed == 0 ? [.. Enumerable.Range(0, set.Count)] : Order(set, seed);
        var (scored, measured) = (set.At([.. order.Take(count).Order()]), set.At([.. order.Skip(count).Take(heldOut).Order()]));
        RequireOneLength(data, needs, scored, measured);
        return (scored, measured);
    }

    /// <summary>The built-in task that a name means, or null: then it is a file.</summary>
    private static TaskGenerator? TaskOf(string data, string option)
    {
        var task = File.Exists(data) && TaskCatalog.All.All(t => t.Name != data) ? null : TaskCatalog.TryFind(data);
        // A name without a folder or an extension was meant as a task.
        if (task is null && !File.Exists(data) && !Directory.Exists(data) && Path.GetFileName(data) == data && !Path.HasExtension(data))
        {
            throw new InputException($"{option} {data}: neither a file nor a built-in task ({string.Join(", ", TaskCatalog.All.Select(t => t.Name))}){KnownNames.Suggest(data, TaskCatalog.All.Select(t => t.Name))}");
        }
        return task;
    }

    // The fields of a task have their names, and all of its answers are single tokens.
    private static void NoteWhatDoesNothing(TaskGenerator task, PromptFormat? format, Action<string> note)
    {
        foreach (var setting in (string?[])[format?.Columns is null ? null : "columns", format is { FirstTokens: true } ? "answer-tokens" : null])
        {
            if (setting is not null) note($"{setting} does nothing with the built-in task {task.Name}");
        }
    }

    // Where single tokens are told apart.
    private static void RequireOneLength(string data, PromptNeeds? needs, params ReadOnlySpan<PromptSet> sets)
    {
        if (needs is not { Positions: PositionKind.Tokens }) return;
        foreach (var set in sets)
        {
            for (var i = 0; i < set.Count; i++)
            {
                if (SpanChecker.Uneven(set[i], sets[0][0]) is { } fault) throw new InputException($"{data}, {set.Texts[i].Place}: {fault}");
            }
        }
    }

    private static PromptSet OfFile(string data, LoadedModel model, Action<string> note, PromptNeeds? needs, PromptFormat? format, CancellationToken cancellation)
    {
        // Only of the examples that are taken: others of the file may be longer.
        var set = PromptSet.Load(data, model.Tokenizer, model.Config, needs is { Positions: PositionKind.Tokens } ? needs.Value with { Positions = null } : needs, format, cancellation);
        if (set.Shortened > 0) note($"{data}: {set.Shortened} word{(set.Shortened == 1 ? "" : "s")} among the answers and distractors have several tokens and stand by their first");
        return set;
    }

    // Unless asked for both parts, the prompts that the shipped model never saw.
    private static PromptSet OfTask(TaskGenerator task, int count, TaskSplit split, LoadedModel model, Action<string> note, string option, ulong seed, CancellationToken cancellation)
    {
        var tokenizer = model.Tokenizer ?? throw new InputException($"{option} {task.Name}: a built-in task is text, but the model has no tokenizer; give a file of token ids");
        var loaded = TaskData.Load(task, count, seed, split, tokenizer, model.Config, cancellation);
        if (loaded.Skipped > 0) note($"{loaded.Skipped} prompts of {task.Name} do not fit the tokenizer of {model.Name} and were skipped; {loaded.Prompts.Count} are used");
        return loaded.Prompts;
    }

    // Of a file the examples as a seed draws them, without replacement.
    private static int[] Order(PromptSet set, ulong seed)
    {
        var order = Enumerable.Range(0, set.Count).ToArray();
        new Random64(seed).Shuffle<int>(order);
        return order;
    }
}
