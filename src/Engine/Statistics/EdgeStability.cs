using Faith.Engine.Graphs;

namespace Faith.Engine.Statistics;

/// <summary>How well a score is known.</summary>
/// <param name="Edge">The edge.</param>
/// <param name="Score">The mean over all examples.</param>
/// <param name="Interval">Its bootstrap interval.</param>
/// <param name="Selected">The share of resamples that select the edge (before pruning), size by size.</param>
public sealed record EdgeStability(EdgeId Edge, double Score, Interval Interval, IReadOnlyList<double> Selected);
