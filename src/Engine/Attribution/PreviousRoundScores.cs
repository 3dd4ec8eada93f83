using Faith.Engine.Graphs;

namespace Faith.Engine.Attribution;

/// <summary>
/// Scores of every example (and neurons' mean scores) that wait for a run with twice the steps. Where a rule is nested, that run has
/// all the points of the one before, each with half its weight: only the others need be run, and half of what waits here is added.
/// </summary>
internal sealed class PreviousRoundScores
{
    // 1 GiB. A fixed number: whether points are run again changes the last bits of a score, and memory must not.
    private const long MostHeld = 1L << 28;

    private readonly EdgeId[] edges;
    private readonly float[]?[] scores;
    private double[]? neurons;

    private PreviousRoundScores(ModelGraph graph, int examples)
    {
        edges = [.. graph.AllEdges];
        scores = new float[examples][];
    }

    /// <summary>Room for the scores of some examples; null where they are too many to be held.</summary>
    public static PreviousRoundScores? Create(ModelGraph graph, int examples) => (long)graph.Edges * examples > MostHeld ? null : new(graph, examples);

    /// <summary>
    /// The points of a path that are not on the path of half the steps, with their weights; null unless that has the others, with twice the
    /// weight. So it is with left, right and trapezoid rules, and not with midpoint and Gauss–Legendre.
    /// </summary>
    public static PathPoint[]? Added(IReadOnlyList<PathPoint> before, IReadOnlyList<PathPoint> path)
    {
        var halved = before.Select(p => p with { Weight = p.Weight / 2 }).ToHashSet();
        var added = path.Where(p => !halved.Contains(p)).ToArray();
        return added.Length == path.Count - before.Count ? added : null;
    }

    /// <summary>Adds half of what waits to the scores [F·N] of an example of the data set, and holds the sums. Examples may come from several threads.</summary>
    public void AddTo(Span<float> added, int example)
    {
        if (scores[example] is not { } held) scores[example] = held = new float[edges.Length];
        for (var i = 0; i < edges.Length; i++) held[i] = added[edges[i]] += held[i] / 2;
    }

    /// <summary>The same for the mean scores of neurons.</summary>
    public double[]? AddTo(double[]? added) => neurons = neurons is null ? added : [.. added!.Zip(neurons, (now, before) => now + before / 2)];
}
