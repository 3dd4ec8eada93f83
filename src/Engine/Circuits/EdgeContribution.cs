namespace Faith.Engine.Circuits;

/// <summary>What one edge gives to its circuit.</summary>
/// <param name="Source">u.</param>
/// <param name="Column">v.</param>
/// <param name="Contribution">Faithfulness of the circuit − faithfulness of the circuit without the edge.</param>
public readonly record struct EdgeContribution(int Source, int Column, double Contribution);
