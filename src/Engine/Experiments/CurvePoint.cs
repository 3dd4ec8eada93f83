using Faith.Engine.Circuits;
using Faith.Engine.Graphs;
using Faith.Engine.Statistics;

namespace Faith.Engine.Experiments;

/// <summary>One circuit of a curve.</summary>
/// <param name="Selected">Edges, nodes or neurons asked for.</param>
/// <param name="Edges">Edges that pruning left.</param>
/// <param name="Nodes">Nodes that pruning left.</param>
/// <param name="Neurons">Neurons that these carry where that is not all of them.</param>
/// <param name="Result">What it keeps.</param>
/// <param name="Ranking">What edges were ranked by, where a curve has several rankings.</param>
public sealed record CurvePoint(int Selected, int Edges, int Nodes, int? Neurons, Faithfulness Result, string? Ranking)
{
    /// <summary>The point of a circuit.</summary>
    public CurvePoint(int selected, Circuit circuit, Faithfulness result, string? ranking)
        : this(selected, circuit.EdgeCount, circuit.NodesInCircuit().Count(inside => inside), circuit.Neurons?.Count, result, ranking) { }

    /// <summary>The point of a circuit over spans, whose nodes count once a span.</summary>
    public CurvePoint(int selected, SpanCircuit circuit, Faithfulness result) : this(selected, circuit.EdgeCount, circuit.NodesInCircuit().Count, null, result, null) { }

    /// <summary>The bootstrap interval of its normalised faithfulness; null where none was asked for, NaN where there is none.</summary>
    public Interval? Interval { get; init; }
}
