using Faith.Engine.Attribution;

namespace Faith.Engine.Statistics;

/// <summary>What a <see cref="StabilityStudy"/> found.</summary>
/// <param name="Attribution">The run on all examples.</param>
/// <param name="Edges">The edges of the largest size, the best first.</param>
/// <param name="Sizes">Size by size.</param>
public sealed record StabilityResult(AttributionResult Attribution, IReadOnlyList<EdgeStability> Edges, IReadOnlyList<SizeStability> Sizes);
