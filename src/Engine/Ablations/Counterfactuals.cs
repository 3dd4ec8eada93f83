using Faith.Engine.Data;

namespace Faith.Engine.Ablations;

/// <summary>Patching with prompts of another data set.</summary>
internal static class Counterfactuals
{
    /// <summary>
    /// The examples that a run works on: <paramref name="data"/> itself, or under patching with ablation data given the same examples
    /// with the corrupted prompts of that data, one for one.
    /// </summary>
    /// <exception cref="InputException">The two sets do not match in number or length.</exception>
    public static IReadOnlyList<Example> Apply(IReadOnlyList<Example> data, Ablation ablation, IReadOnlyList<Example>? ablationData)
    {
        if (ablation != Ablation.Patching || ablationData is null) return data;
        var source = ablationData as PromptSet;
        if (ablationData.Count != data.Count)
        {
            throw new InputException($"{(source is null ? "" : $"{source.Name}: ")}patching from other data needs one prompt an example: {ablationData.Count} for {data.Count}; give as many, or --examples {Math.Min(data.Count, ablationData.Count)}");
        }
        var patched = new Example[data.Count];
        for (var i = 0; i < patched.Length; i++)
        {
            var corrupted = ablationData[i].Corrupted;
            if (corrupted.Length != data[i].Clean.Length)
            {
                throw new InputException($"{(source is null ? $"example {i + 1}" : $"{source.Name}, {source.Texts[i].Place}")}: the prompt to patch from has {corrupted.Length} tokens and the clean prompt of example {i + 1} {data[i].Clean.Length}; both must have the same number");
            }
            patched[i] = data[i] with { Corrupted = corrupted };
        }
        return patched;
    }
}
