using Faith.Engine.Graphs;

namespace Faith.Engine.Circuits;

/// <summary>Neurons by their scores, and every edge between the nodes that have some of them. The input's neurons are ranked with the others.</summary>
internal static class NeuronSelection
{
    /// <summary>The <paramref name="count"/> best neurons, ties by lower neuron number u·d + c.</summary>
    public static Circuit Select(ModelGraph graph, IReadOnlyList<double> scores, int count, bool signed)
    {
        if (count < 0 || count > scores.Count) throw new InputException($"a circuit of {count} neurons was asked for; give a number from 0 to {scores.Count}");
        var keys = Keys(graph, scores, signed);
        return With(graph, scores.Count, Enumerable.Range(0, keys.Length).OrderByDescending(n => keys[n]).Take(count));
    }

    /// <summary>The neurons that score <paramref name="threshold"/> or more.</summary>
    public static Circuit AtLeast(ModelGraph graph, IReadOnlyList<double> scores, double threshold, bool signed)
    {
        var (keys, bound) = (Keys(graph, scores, signed), RankingKeys.OfThreshold(threshold));
        return With(graph, scores.Count, Enumerable.Range(0, keys.Length).Where(n => keys[n] >= bound));
    }

    private static ulong[] Keys(ModelGraph graph, IReadOnlyList<double> scores, bool signed)
    {
        var width = scores.Count / graph.Sources;
        if (width == 0 || width * graph.Sources != scores.Count) throw new ArgumentException($"{scores.Count} scores for the neurons of {graph.Sources} nodes", nameof(scores));
        return [.. scores.Select((score, n) => RankingKeys.Of(score, signed, () => $"neuron {n % width} of {graph.NodeName(new(n / width))}"))];
    }

    /// <summary>The neurons chosen of <paramref name="most"/>, and every edge between nodes that have some of them.</summary>
    public static Circuit With(ModelGraph graph, int most, IEnumerable<int> chosen)
    {
        var neurons = new NeuronSet(graph, most / graph.Sources, chosen);
        var inside = new bool[graph.Nodes];
        foreach (var u in graph.AllSources) inside[u] = neurons.CountOf(u) > 0;
        return new Circuit(graph, NodeSelection.EdgesBetween(graph, inside), neurons);
    }
}
