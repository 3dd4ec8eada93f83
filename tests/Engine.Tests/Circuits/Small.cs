using Faith.Engine.Graphs;

namespace Faith.Engine.Tests.Circuits;

/// <summary>Small graphs written down by the names of their edges.</summary>
internal static class Small
{
    public static EdgeId Edge(ModelGraph graph, string name) =>
        GraphNames.TryParseEdge(graph, name, out var edge) ? edge : throw new ArgumentException(name);

    public static Circuit Circuit(ModelGraph graph, params string[] edges) => new(graph, edges.Select(e => Edge(graph, e)));

    public static EdgeScores Scores(ModelGraph graph, params (string Edge, double Score)[] scores)
    {
        var values = new double[graph.Pairs];
        foreach (var (edge, score) in scores) values[Edge(graph, edge)] = score;
        return new(graph, values);
    }

    public static EdgeScores RandomScores(ModelGraph graph, int seed)
    {
        var random = new Random(seed);
        var values = new double[graph.Pairs];
        foreach (var edge in Faith.Engine.Graphs.Circuit.Full(graph).Edges) values[edge] = random.NextDouble() * 2 - 1;
        return new(graph, values);
    }

    public static string[] Names(Circuit circuit) =>
        [.. circuit.Edges.Select(circuit.Graph.EdgeName).Order(StringComparer.Ordinal)];

    public static string[] Sorted(params string[] names) => [.. names.Order(StringComparer.Ordinal)];
}
