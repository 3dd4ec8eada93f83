using Faith.Engine.Graphs;

namespace Faith.Engine.Attribution;

/// <summary>
/// Edge attribution patching (Syed, Rager and Conmy 2023, arXiv 2310.10348): score(u, v) = Σ_pos Δz_u · ∂L/∂x_v at the clean run, the
/// first-order estimate of <see cref="ExactMethod"/>. The path is its clean end.
/// </summary>
internal sealed class Eap : PathMethod
{
    public override string Name => "eap";
    public override string Summary => "edge attribution patching: one gradient, at the clean run (Syed et al. 2023)";
    public override PathPoint[] Path(AttributionOptions options, ModelGraph graph) => [new PathPoint(1, 1)];
}
