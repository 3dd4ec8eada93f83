using Faith.Engine.Graphs;

namespace Faith.Engine.Attribution;

/// <summary>
/// EAP with the mean of the gradients at the clean and the corrupted run (Hanna, Pezzelle and Belinkov 2024): both ends of the path of
/// EAP-IG, the trapezoid with one interval.
/// </summary>
internal sealed class CleanCorrupted : PathMethod
{
    public override string Name => "clean-corrupted";
    public override string Summary => "the mean of the gradients at the clean and the corrupted run (Hanna et al. 2024)";
    public override PathPoint[] Path(AttributionOptions options, ModelGraph graph) => [new PathPoint(1, 0.5), new PathPoint(0, 0.5)];
}
