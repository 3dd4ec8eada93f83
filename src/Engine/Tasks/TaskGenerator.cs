using System.Text;

namespace Faith.Engine.Tasks;

/// <summary>
/// A built-in task: a numbered space of prompts made of templates and word lists. A seed picks an order of the space; the prompts are
/// the first of that order that belong to the split.
/// </summary>
public abstract class TaskGenerator
{
    /// <summary>One key in this many is held out.</summary>
    private const ulong HeldOutOneIn = 5;

    /// <summary>Name on the command line.</summary>
    public abstract string Name { get; }

    /// <summary>One line: what the model has to do, and how the corrupted prompt differs.</summary>
    public abstract string Description { get; }

    /// <summary>How many clean prompts there are, both splits and combinations that make no sense included.</summary>
    private protected abstract long Size { get; }

    /// <summary>Prompt number <paramref name="index"/>, or null when it is in the other split or makes no sense.</summary>
    /// <param name="random">For choices that do not tell clean prompts apart, such as the corrupted word.</param>
    private protected abstract TaskPrompt? At(long index, TaskSplit split, ref SplitMix64 random);

    /// <summary>
    /// What a model that does the task would say after the corrupted prompt. Most corrupted prompts are prompts of the task with the
    /// distractors as their answers; a task where they are not overrides this.
    /// </summary>
    public virtual string[] ContinuationsOfCorrupted(TaskPrompt prompt) => prompt.Distractors;

    /// <summary>Distinct prompts of the task; equal arguments give equal prompts on every machine, and a longer list starts with the shorter one.</summary>
    /// <exception cref="InputException">The split has fewer than <paramref name="count"/> prompts.</exception>
    public IReadOnlyList<TaskPrompt> Generate(int count, ulong seed, TaskSplit split, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        var prompts = new List<TaskPrompt>();
        foreach (var prompt in Prompts(seed, split).Take(count))
        {
            cancellation.ThrowIfCancellationRequested();
            prompts.Add(prompt);
        }
        if (prompts.Count == count) return prompts;
        throw new InputException($"task {Name}: {count} prompts asked for, but there are only {prompts.Count}; ask for at most that many");
    }

    /// <summary>All prompts of a split in the order of a seed, made one at a time: <see cref="Generate"/> takes the first ones.</summary>
    public IEnumerable<TaskPrompt> Prompts(ulong seed, TaskSplit split)
    {
        var order = new Shuffle(Size, SplitMix64.Mix(seed ^ Hash(Name)));
        for (long place = 0; place < Size; place++)
        {
            var index = order[place];
            var random = new SplitMix64(SplitMix64.Mix(seed) ^ (ulong)index);
            if (At(index, split, ref random) is { } prompt) yield return prompt;
        }
    }

    /// <summary>The split that a key, the part of a prompt that tells the splits apart, belongs to.</summary>
    private protected TaskSplit SplitOf(params ReadOnlySpan<string> key)
    {
        var hash = Hash(Name);
        foreach (var word in key) hash = SplitMix64.Mix(hash ^ Hash(word));
        return hash % HeldOutOneIn == 0 ? TaskSplit.HeldOut : TaskSplit.Train;
    }

    /// <summary>Takes the next choice out of a prompt's number.</summary>
    private protected static T Take<T>(ref long index, T[] choices)
    {
        index = Math.DivRem(index, choices.Length, out var choice);
        return choices[choice];
    }

    /// <summary>The words, each with a leading space.</summary>
    private protected static string[] Spaced(params string[] words) => [.. words.Select(word => " " + word)];

    /// <summary>FNV-1a over UTF-8; string.GetHashCode differs from run to run.</summary>
    private static ulong Hash(string text)
    {
        var hash = 0xCBF29CE484222325UL;
        foreach (var octet in Encoding.UTF8.GetBytes(text)) hash = (hash ^ octet) * 0x100000001B3UL;
        return hash;
    }
}
