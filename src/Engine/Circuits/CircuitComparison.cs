using Faith.Engine.Graphs;

namespace Faith.Engine.Circuits;

/// <summary>How alike two circuits, or two sets of scores, of one graph are.</summary>
public static class CircuitComparison
{
    /// <summary>Overlap of the edges.</summary>
    public static Overlap Edges(Circuit found, Circuit reference)
    {
        CheckSame(found.Graph, reference.Graph);
        return new(found.EdgeCount, reference.EdgeCount, found.Edges.Count(reference.Contains));
    }

    /// <summary>Overlap of the nodes with an edge at either end.</summary>
    public static Overlap Nodes(Circuit found, Circuit reference)
    {
        CheckSame(found.Graph, reference.Graph);
        bool[] a = Touched(found), b = Touched(reference);
        return new(a.Count(x => x), b.Count(x => x), a.Zip(b).Count(x => x.First && x.Second));
    }

    /// <summary>
    /// Overlap of the neurons that edges carry: the columns c of z_u that are in the circuit, of every u with an edge out of it. Null
    /// where neither circuit is one of neurons.
    /// </summary>
    /// <exception cref="InputException">The circuits are of different models.</exception>
    public static Overlap? Neurons(Circuit found, Circuit reference)
    {
        CheckSame(found.Graph, reference.Graph);
        if ((found.Neurons ?? reference.Neurons) is not { Width: var width }) return null;
        if (found.Neurons is { } a && reference.Neurons is { } b && a.Width != b.Width) throw new InputException($"the two are of different models: {a.Width} and {b.Width} neurons a node");
        bool[] x = Carried(found, width), y = Carried(reference, width);
        return new(x.Count(c => c), y.Count(c => c), x.Zip(y).Count(c => c.First && c.Second));
    }

    /// <summary>
    /// Spearman's rank correlation over the edges: the correlation of the ranks of |score| (or of the score), equal ones sharing
    /// their mean rank. NaN where one side is constant.
    /// </summary>
    public static double Spearman(EdgeScores a, EdgeScores b, bool signed)
    {
        var (x, y) = Keys(a, b, signed);
        return Pearson(RankCorrelation.Ranks(x), RankCorrelation.Ranks(y));
    }

    /// <summary>Kendall's τ-b over the edges, by |score| (or by the score). NaN where one side is constant.</summary>
    public static double Kendall(EdgeScores a, EdgeScores b, bool signed)
    {
        var (x, y) = Keys(a, b, signed);
        return RankCorrelation.TauB(x, y);
    }

    /// <summary>Pearson's correlation of the scores themselves over the edges. NaN where one side is constant.</summary>
    public static double Pearson(EdgeScores a, EdgeScores b)
    {
        var (x, y) = Keys(a, b, signed: true);
        return Pearson(x, y);
    }

    private static double Pearson(double[] x, double[] y)
    {
        double meanX = x.Average(), meanY = y.Average(), xx = 0, yy = 0, xy = 0;
        for (var i = 0; i < x.Length; i++)
        {
            double dx = x[i] - meanX, dy = y[i] - meanY;
            xx += dx * dx;
            yy += dy * dy;
            xy += dx * dy;
        }
        // Rounding must not carry a perfect correlation beyond 1.
        return xx == 0 || yy == 0 ? double.NaN : Math.Clamp(xy / Math.Sqrt(xx * yy), -1, 1);
    }

    private static (double[] X, double[] Y) Keys(EdgeScores a, EdgeScores b, bool signed)
    {
        CheckSame(a.Graph, b.Graph);
        // By column, in which order sums have their last bits.
        EdgeId[] edges = [.. a.Graph.AllColumns.SelectMany(a.Graph.InEdges)];
        return (Array.ConvertAll(edges, edge => Key(a[edge])), Array.ConvertAll(edges, edge => Key(b[edge])));

        double Key(double score) => signed ? score : Math.Abs(score);
    }

    private static bool[] Touched(Circuit circuit)
    {
        var nodes = circuit.NodesInCircuit();
        // Logits is in by definition; here only what edges reach counts.
        nodes[circuit.Graph.LogitsNode] = circuit.Edges.Any(e => circuit.Graph.ColumnOf(e) == circuit.Graph.LogitsColumn);
        return nodes;
    }

    private static bool[] Carried(Circuit circuit, int width)
    {
        var carried = new bool[circuit.Graph.Sources * width];
        foreach (var u in circuit.Edges.Select(circuit.Graph.SourceOf).Distinct())
        {
            for (var c = 0; c < width; c++) carried[u * width + c] = circuit.Neurons?.Contains(u, c) ?? true;
        }
        return carried;
    }

    private static void CheckSame(ModelGraph a, ModelGraph b)
    {
        if (a == b) return;
        throw new InputException($"the two are of different models: {Shape(a)} and {Shape(b)}");

        static string Shape(ModelGraph g) => $"{g.Layers} layers of {g.Heads} heads{(g.Parallel ? " (parallel)" : "")}";
    }
}
