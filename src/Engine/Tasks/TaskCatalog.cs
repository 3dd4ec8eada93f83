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
        TryFind(name) ?? throw new InputException($"no task named '{name}'; the built-in tasks are {string.Join(", ", Names)}{KnownNames.Suggest(name, Names)}");

    /// <summary>The task of a name, or null.</summary>
    public static TaskGenerator? TryFind(string name) => KnownNames.Find(name, Names) is { } known ? All.First(task => task.Name == known) : null;

    private static IEnumerable<string> Names => All.Select(task => task.Name);
}
