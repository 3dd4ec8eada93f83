using Faith.Engine.Circuits;
using Faith.Engine.Graphs;
using Faith.Engine.Statistics;

namespace Faith.Engine.Experiments;

/// <summary>One circuit of a curve.</summary>
/// <param name="Selected">Edges, nodes or neurons asked for.</param>
/// <param name="Circuit">What pruning left of them.</param>
/// <param name="Result">What it keeps.</param>
/// <param name="Ranking">What edges were ranked by, where a curve has several rankings.</param>
public sealed record CurvePoint(int Selected, Circuit Circuit, Faithfulness Result, string? Ranking)
{
    /// <summary>The bootstrap interval of its normalised faithfulness; null where none was asked for, NaN where there is none.</summary>
    public Interval? Interval { get; init; }

    /// <summary>Nodes of the circuit.</summary>
    public int Nodes => Circuit.NodesInCircuit().Count(inside => inside);
}
