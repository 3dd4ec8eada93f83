using Faith.Engine.Circuits;
using Faith.Engine.Graphs;

namespace Faith.Engine.Experiments;

/// <summary>The circuits of one way to find them, size by size.</summary>
/// <param name="Name">The way: EAP-IG, EAP, random.</param>
/// <param name="Points">The circuits of every size, in the order of the sizes.</param>
public sealed record SizeSweep(string Name, IReadOnlyList<SweepPoint> Points)
{
    /// <summary>Normalised faithfulness of every size: the mean where there are several circuits.</summary>
    public double[] Means => [.. Points.Select(p => p.Mean)];
}

/// <summary>The circuits of one size: one for scores, several for random ones.</summary>
public sealed record SweepPoint(IReadOnlyList<Circuit> Circuits, IReadOnlyList<Faithfulness> Results)
{
    /// <summary>Mean normalised faithfulness.</summary>
    public double Mean => Results.Average(r => r.Normalised);
    /// <summary>The least faithful circuit's.</summary>
    public double Least => Results.Min(r => r.Normalised);
    /// <summary>The most faithful circuit's.</summary>
    public double Most => Results.Max(r => r.Normalised);
    /// <summary>Edges of the (first) circuit after pruning.</summary>
    public int Edges => Circuits[0].EdgeCount;
    /// <summary>Its nodes.</summary>
    public int Nodes => Circuits[0].NodesInCircuit().Count(inside => inside);
}
