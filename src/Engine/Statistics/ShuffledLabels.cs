using Faith.Engine.Circuits;
using Faith.Engine.Data;

namespace Faith.Engine.Statistics;

/// <summary>The data with answers and distractors of other examples: what a method finds there has nothing to do with the task.</summary>
public static class ShuffledLabels
{
    /// <summary>Every example with the answers and distractors of the one that a random permutation puts in its place.</summary>
    public static IReadOnlyList<Example> Of(IReadOnlyList<Example> data, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(data);
        var order = Enumerable.Range(0, data.Count).ToArray();
        var random = new Random64(seed);
        random.Shuffle<int>(order);
        return [.. data.Select((example, i) => example with { Answers = data[order[i]].Answers, Distractors = data[order[i]].Distractors })];
    }
}
