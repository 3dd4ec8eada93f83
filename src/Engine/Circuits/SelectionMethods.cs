namespace Faith.Engine.Circuits;

/// <summary>The selections that take a number of edges.</summary>
public static class SelectionMethods
{
    /// <summary>The name of <see cref="CircuitSelection.Top"/>, which is taken unless another is given.</summary>
    public const string TopName = "top";

    /// <summary>The name of the selection <see cref="Among"/> the edges whose sign is certain.</summary>
    public const string StableName = "stable";

    /// <summary>The name of <see cref="Ratio"/>.</summary>
    public const string RatioName = "ratio";

    /// <summary>The share of negative edges unless another is given.</summary>
    public const double UsualNegative = 0.2;

    /// <summary>The names of all selections.</summary>
    public static IReadOnlyList<string> Names => [.. All.Keys, StableName];

    /// <summary>Name to method, of those that need the scores alone.</summary>
    public static IReadOnlyDictionary<string, SelectionMethod> All { get; } = new Dictionary<string, SelectionMethod>
    {
        [TopName] = CircuitSelection.Top,
        ["greedy"] = CircuitSelection.Greedy,
        [RatioName] = Ratio(UsualNegative),
    };

    /// <summary>The best edges with a share of those of the smallest scores below 0; the sign is looked at whether asked for or not.</summary>
    /// <param name="negative">The share, from 0 to 1.</param>
    public static SelectionMethod Ratio(double negative) => (scores, edges, _, prune) => prune ? Pruning.Prune(RatioSelection.Select(scores, edges, negative)) : RatioSelection.Select(scores, edges, negative);

    /// <summary>The best edges of some; fewer than were asked for where there are no more.</summary>
    public static SelectionMethod Among(IReadOnlyList<Graphs.EdgeId> candidates) => (scores, edges, signed, prune) =>
    {
        RankingKeys.CheckCount(scores.Graph, edges);
        var circuit = new Graphs.Circuit(scores.Graph, candidates.OrderByDescending(edge => RankingKeys.Of(scores, edge, signed)).ThenBy(edge => edge.Index).Take(edges));
        return prune ? Pruning.Prune(circuit) : circuit;
    };

    /// <summary>The method of this name.</summary>
    /// <exception cref="InputException">There is none.</exception>
    public static SelectionMethod Named(string name) =>
        All.TryGetValue(name, out var method)
            ? method
            : throw new InputException($"there is no selection \"{name}\"; give one of {string.Join(", ", All.Keys)}");
}
