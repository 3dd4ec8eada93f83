using Faith.Engine.Circuits;

namespace Faith.Engine.Statistics;

/// <summary>What a <see cref="StabilityStudy"/> does.</summary>
public sealed record StabilityOptions
{
    /// <summary>Sizes of the circuits, in edges before pruning.</summary>
    public required IReadOnlyList<int> Sizes { get; init; }
    /// <summary>How edges are selected.</summary>
    public SelectionMethod Select { get; init; } = CircuitSelection.Top;
    /// <summary>Rank by score rather than by |score|.</summary>
    public bool Signed { get; init; }
    /// <summary>Bootstrap resamples.</summary>
    public int Resamples { get; init; } = 200;
    /// <summary>Confidence of the intervals.</summary>
    public double Confidence { get; init; } = 0.95;
    /// <summary>Random circuits of each size.</summary>
    public int RandomCircuits { get; init; } = 5;
    /// <summary>Runs with the answers and distractors permuted among the examples.</summary>
    public int Shuffles { get; init; } = 3;
    /// <summary>Seed of everything random.</summary>
    public ulong Seed { get; init; }
}
