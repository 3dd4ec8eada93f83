namespace Faith.Engine.Attribution;

/// <summary>What a threshold of acdc left.</summary>
/// <param name="Threshold">The threshold.</param>
/// <param name="Edges">Edges that are left.</param>
/// <param name="LeastScore">The edges that are left are those that score this or more.</param>
public readonly record struct ThresholdCircuit(double Threshold, int Edges, double LeastScore);
