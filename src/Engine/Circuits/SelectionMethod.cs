using Faith.Engine.Graphs;

namespace Faith.Engine.Circuits;

/// <summary>Selects a circuit of a given number of edges.</summary>
/// <param name="scores">The scores.</param>
/// <param name="edges">Number of edges before pruning.</param>
/// <param name="signed">Rank by the score rather than by |score|.</param>
/// <param name="prune">Prune afterwards.</param>
public delegate Circuit SelectionMethod(EdgeScores scores, int edges, bool signed, bool prune = true);
