namespace Faith.Engine.Circuits;

/// <summary>The selections that take a number of edges, by name.</summary>
public static class SelectionMethods
{
    /// <summary>Name to method.</summary>
    public static IReadOnlyDictionary<string, SelectionMethod> All { get; } = new Dictionary<string, SelectionMethod>
    {
        ["top"] = CircuitSelection.Top,
        ["greedy"] = CircuitSelection.Greedy,
    };

    /// <summary>The method of this name.</summary>
    /// <exception cref="InputException">There is none.</exception>
    public static SelectionMethod Named(string name) =>
        All.TryGetValue(name, out var method)
            ? method
            : throw new InputException($"there is no selection \"{name}\"; give {string.Join(" or ", All.Keys)}");
}
