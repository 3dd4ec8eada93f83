namespace Faith.Engine.Tasks;

/// <summary>The built-in tasks: the six of "Have Faith in Faithfulness" (Hanna, Pezzelle and Belinkov, 2024), with words of our own.</summary>
public static class TaskCatalog
{
    /// <summary>Every task, in the order of the paper.</summary>
    public static IReadOnlyList<TaskGenerator> All { get; } =
    [
        new IndirectObjectTask(),
        new GreaterThanTask(),
        new GenderedPronounTask(),
        new SubjectVerbTask(),
        new CapitalCountryTask(),
        new HypernymyTask(),
    ];

    /// <summary>The task of a name.</summary>
    /// <exception cref="InputException">There is no such task.</exception>
    public static TaskGenerator Find(string name) =>
        All.FirstOrDefault(task => task.Name == name)
        ?? throw new InputException($"no task named '{name}'; the built-in tasks are {string.Join(", ", All.Select(task => task.Name))}");
}
