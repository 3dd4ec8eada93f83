namespace Faith.Engine.Attribution;

/// <summary>The methods, in one table that the command line, the documentation and the tests read.</summary>
public static class AttributionMethods
{
    /// <summary>All methods.</summary>
    public static IReadOnlyList<AttributionMethod> All { get; } =
    [
        new Eap(),
        new EapIg(),
        new CleanCorrupted(),
        new RelevancePatching(),
        new RelevancePatchingQk(),
        new AttnLrp(),
        new Gim(),
        new EapIgActivations(),
        new EapGradDrop(),
        new EapQkFix(),
        new ExactMethod(),
        new InformationFlowMethod(),
        new DiscoveryMethod(),
        new MatryoshkaMethod(),
        new EdgePruningMethod(),
    ];

    /// <summary>The method of a name.</summary>
    /// <exception cref="InputException">No such method.</exception>
    public static AttributionMethod Find(string name) => All.FirstOrDefault(m => m.Name == name)
        ?? throw new InputException($"unknown method '{name}'; known: {string.Join(", ", All.Select(m => m.Name))}");
}
