namespace Faith.Engine.Mib;

/// <summary>The cells of the circuit track of MIB (Mueller et al. 2025): its tasks with its models.</summary>
public static class MibCells
{
    private static readonly (string Task, string[] Models)[] Pairs =
    [
        ("ioi", ["gpt2", "qwen2.5", "gemma2", "llama3", "interpbench"]),
        ("mcqa", ["qwen2.5", "gemma2", "llama3"]),
        ("arithmetic-addition", ["llama3"]),
        ("arithmetic-subtraction", ["llama3"]),
        ("arc-easy", ["gemma2", "llama3"]),
        ("arc-challenge", ["llama3"]),
    ];

    /// <summary>The tasks.</summary>
    public static IReadOnlyList<MibTask> Tasks { get; } =
    [
        new("ioi", "mib-bench/ioi", null, "s2_io_flip", 1000, MibRows.IndirectObject),
        new("mcqa", "mib-bench/copycolors_mcqa", "4_answer_choices", "symbol", null, MibRows.Choices),
        new("arithmetic-addition", "mib-bench/arithmetic_addition", null, "random", 100, MibRows.Arithmetic),
        new("arithmetic-subtraction", "mib-bench/arithmetic_subtraction", null, "random", 100, MibRows.Arithmetic),
        new("arc-easy", "mib-bench/arc_easy", null, "symbol", 100, MibRows.Choices),
        new("arc-challenge", "mib-bench/arc_challenge", null, "symbol", 100, MibRows.Choices),
    ];

    /// <summary>The models.</summary>
    public static IReadOnlyList<MibModel> Models { get; } =
    [
        new("gpt2", "openai-community/gpt2", 12, 12),
        new("qwen2.5", "Qwen/Qwen2.5-0.5B", 24, 14),
        new("gemma2", "google/gemma-2-2b", 26, 8),
        new("llama3", "meta-llama/Llama-3.1-8B", 32, 32),
        new("interpbench", "mib-bench/interpbench", 6, 4),
    ];

    /// <summary>The cells, by task.</summary>
    public static IReadOnlyList<MibCell> All { get; } = [.. Pairs.SelectMany(pair => pair.Models.Select(model => new MibCell(Tasks.Single(task => task.Name == pair.Task), Models.Single(m => m.Name == model))))];

    /// <summary>The cell of a name.</summary>
    /// <exception cref="InputException">There is none.</exception>
    public static MibCell Named(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name.Length == 0) throw new InputException("--cell was given an empty name; faith mib cells lists the names");
        string[] names = [.. All.Select(cell => cell.Name)];
        return All.FirstOrDefault(cell => string.Equals(cell.Name, name, StringComparison.OrdinalIgnoreCase))
            ?? throw new InputException($"--cell {PlainText.Short(name)} is not known; known: {string.Join(", ", names)}{KnownNames.Suggest(name, names)}");
    }
}
