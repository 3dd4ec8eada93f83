using Faith.Engine.Attribution;
using Faith.Engine.Graphs;

namespace Faith.Engine.Compatibility;

/// <summary>
/// Scores as the EAP-IG library adds them up: its loss is the mean over a batch, and the sum over all batches is divided by the
/// number of examples once more. An example counts 1/(size of its batch) of what it should, and one of a short last batch more
/// than the others (method.md §7).
/// </summary>
public sealed class BatchedScores : IScoreSink
{
    private readonly ModelGraph graph;
    private readonly int examples;
    private readonly LibraryQuirks library;
    private readonly double[] sums;

    /// <summary>Room for the scores of <paramref name="examples"/> examples in batches of <paramref name="batch"/>, in the order of the data.</summary>
    public BatchedScores(ModelGraph graph, int examples, int batch)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentOutOfRangeException.ThrowIfLessThan(examples, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(batch, 1);
        (this.graph, this.examples, library) = (graph, examples, new LibraryQuirks(batch));
        sums = new double[graph.Pairs];
    }

    /// <summary>Σ_i s_i / (size of the batch of i) / (number of examples), once every example has been added.</summary>
    public EdgeScores Scores => new(graph, sums);

    /// <inheritdoc/>
    public void Add(int example, ReadOnlySpan<float> scores)
    {
        var weight = library.Weight(example, examples);
        for (var i = 0; i < sums.Length; i++) sums[i] += scores[i] * weight / examples;
    }
}
