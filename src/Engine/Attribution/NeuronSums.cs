using Faith.Engine.Graphs;

namespace Faith.Engine.Attribution;

/// <summary>Scores of the columns of every source over the examples, exact in any order: of its neurons, with one column of the node itself, or with a column a span of the node at each.</summary>
internal sealed class NeuronSums(ModelGraph graph, int width, int examples)
{
    private readonly ModelGraph graph = graph;
    private readonly int width = width;
    private readonly int examples = examples;
    private readonly ExactSum sums = new(graph.Sources * width);

    /// <summary>
    /// Adds what every row contributes to the columns of a source: products [rows × d] of examples that end at the given row offsets.
    /// <paramref name="term"/> gives what the sum over the rows of an example (its number among these) counts; null: the sum itself.
    /// </summary>
    public void Add(NodeId source, ReadOnlySpan<float> products, ReadOnlySpan<int> offsets, Func<int, double, double>? term = null)
    {
        for (var e = 0; e + 1 < offsets.Length; e++)
        {
            for (var c = 0; c < width; c++)
            {
                var sum = 0.0;
                for (var row = offsets[e]; row < offsets[e + 1]; row++) sum += products[row * width + c];
                sums.Add(source * width + c, term is null ? sum : term(e, sum));
            }
        }
    }

    /// <summary>Adds what one example contributes to a column of a node.</summary>
    public void Add(NodeId source, int column, double term) => sums.Add(source * width + column, term);

    /// <summary>Adds other sums of as many columns.</summary>
    public void Add(NeuronSums other) => sums.Add(other.sums);

    /// <summary>The sums of parts of a data set as one.</summary>
    public static NeuronSums Join(IReadOnlyList<NeuronSums> parts)
    {
        var all = new NeuronSums(parts[0].graph, parts[0].width, parts.Sum(p => p.examples));
        foreach (var part in parts) all.Add(part);
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
