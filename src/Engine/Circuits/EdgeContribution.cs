using Faith.Engine.Graphs;

namespace Faith.Engine.Circuits;

/// <summary>What one edge gives to its circuit.</summary>
/// <param name="Edge">The edge.</param>
/// <param name="Contribution">Faithfulness of the circuit − faithfulness of the circuit without the edge.</param>
public readonly record struct EdgeContribution(EdgeId Edge, double Contribution);
