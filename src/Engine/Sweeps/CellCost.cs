namespace Faith.Engine.Sweeps;

/// <summary>What a run of a cell took, which differs from run to run.</summary>
/// <param name="Host">The machine.</param>
/// <param name="Device">The device.</param>
/// <param name="Seconds">Wall time of the cell, without loading the model.</param>
/// <param name="ScoringSeconds">Wall time of the scores.</param>
/// <param name="SharedScores">True when the scores were those of the cell before, and took no time of this one.</param>
public sealed record CellCost(string Host, string Device, double Seconds, double ScoringSeconds, bool SharedScores);
