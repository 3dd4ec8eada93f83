using Faith.Engine.Attribution;

namespace Faith.Engine.Statistics;

/// <summary>What a <see cref="StabilityStudy"/> found.</summary>
/// <param name="Attribution">The run on all examples.</param>
/// <param name="Edges">The edges of the largest size, the best first.</param>
/// <param name="NearMisses">
/// The other edges that a share of <see cref="LeastShare"/> or more of the resamples select at some size, those of the largest shares at
/// the largest size first.
/// </param>
/// <param name="Sizes">Size by size.</param>
public sealed record StabilityResult(AttributionResult Attribution, IReadOnlyList<EdgeStability> Edges, IReadOnlyList<EdgeStability> NearMisses,
    IReadOnlyList<SizeStability> Sizes)
{
    /// <summary>Edges that fewer resamples select are no near misses.</summary>
    public const double LeastShare = 0.05;
}
