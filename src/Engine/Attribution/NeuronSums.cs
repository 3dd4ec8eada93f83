using Faith.Engine.Graphs;

namespace Faith.Engine.Attribution;

/// <summary>Neuron scores over the examples, exact in any order.</summary>
/// <param name="weights">What every example counts; null: 1.</param>
internal sealed class NeuronSums(ModelGraph graph, int width, int examples, Func<int, double>? weights = null)
{
    private readonly ModelGraph graph = graph;
    private readonly int width = width;
    private readonly int examples = examples;
    private readonly ExactSum sums = new(graph.Sources * width);

    /// <summary>Adds what every row contributes to the columns of a source: products [rows × d] of examples, from number <paramref name="first"/> on, that end at the given row offsets.</summary>
    public void Add(int source, ReadOnlySpan<float> products, ReadOnlySpan<int> offsets, int first)
    {
        for (var e = 0; e + 1 < offsets.Length; e++)
        {
            var weight = weights?.Invoke(first + e) ?? 1;
            for (var c = 0; c < width; c++)
            {
                var sum = 0.0;
                for (var row = offsets[e]; row < offsets[e + 1]; row++) sum += products[row * width + c];
                sums.Add(source * width + c, weight * sum);
            }
        }
    }

    /// <summary>The sums of parts of a data set as one.</summary>
    public static NeuronSums Join(IReadOnlyList<NeuronSums> parts)
    {
        var all = new NeuronSums(parts[0].graph, parts[0].width, parts.Sum(p => p.examples));
        foreach (var part in parts) all.sums.Add(part.sums);
        return all;
    }

    /// <summary>Mean scores [F·d].</summary>
    public double[] Means()
    {
        var means = new double[graph.Sources * width];
        for (var i = 0; i < means.Length; i++) means[i] = sums[i] / examples;
        return means;
    }
}
