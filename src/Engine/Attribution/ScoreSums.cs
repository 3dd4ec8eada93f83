using Faith.Engine.Graphs;

namespace Faith.Engine.Attribution;

/// <summary>Σs and Σs² of every edge over the examples, exact in any order (see <see cref="ExactSum"/>); hands the scores of each on.</summary>
internal sealed class ScoreSums(ModelGraph graph, int examples, IScoreSink? sink)
{
    private readonly EntrySums sums = new([.. graph.AllEdges.Select(edge => edge.Index)], graph.Pairs, examples);
    private readonly double[] inputScores = new double[examples];
    private int added;

    /// <summary>Adds the scores [F·N] of the next example.</summary>
    public void Add(ReadOnlySpan<float> example)
    {
        sums.Add(example);
        sink?.Add(added, example);
        var total = 0.0;
        foreach (var score in example[..graph.Columns]) total += score;
        inputScores[added++] = total;
    }

    /// <summary>The sums of parts of a data set, in its order, as one.</summary>
    public static ScoreSums Join(ModelGraph graph, IReadOnlyList<ScoreSums> parts)
    {
        var all = new ScoreSums(graph, parts.Sum(p => p.added), null);
        foreach (var part in parts)
        {
            all.sums.Add(part.sums);
            part.inputScores.CopyTo(all.inputScores, all.added);
            all.added += part.added;
        }
        return all;
    }

    /// <summary>Mean scores.</summary>
    public EdgeScores Means() => new(graph, sums.Means());

    /// <summary>Standard errors of the means: √(s²/n) with the unbiased variance s²; null with one example.</summary>
    public double[]? StandardErrors() => sums.StandardErrors();

    /// <summary>Σ_v score(input→v) of every example.</summary>
    public double[] InputScores() => inputScores;
}
