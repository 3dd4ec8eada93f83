namespace Faith.Engine.Ablations;

/// <summary>What stands in for a node's output where it is taken away.</summary>
public enum Ablation
{
    /// <summary>Its output on the corrupted prompt.</summary>
    Patching,
    /// <summary>Zero.</summary>
    Zero,
    /// <summary>Its mean output over all positions of clean prompts.</summary>
    Mean,
    /// <summary>Its mean output over the clean prompts at the same position; at positions beyond every prompt that means are taken over, <see cref="Mean"/>.</summary>
    MeanPositional,
}

/// <summary>Names of the ablations.</summary>
public static class AblationNames
{
    private static readonly Dictionary<string, Ablation> ByName = new()
    {
        ["patching"] = Ablation.Patching,
        ["zero"] = Ablation.Zero,
        ["mean"] = Ablation.Mean,
        ["mean-positional"] = Ablation.MeanPositional,
    };

    /// <summary>The names on the command line and in files.</summary>
    public static IReadOnlyCollection<string> All => ByName.Keys;

    /// <summary>The ablation of a name.</summary>
    /// <exception cref="InputException">No such ablation.</exception>
    public static Ablation Parse(string name) => ByName.TryGetValue(name, out var ablation)
        ? ablation : throw new InputException($"unknown ablation '{name}'; known: {string.Join(", ", All)}");

    /// <summary>The name of an ablation.</summary>
    public static string Name(this Ablation ablation) => ByName.First(entry => entry.Value == ablation).Key;
}
