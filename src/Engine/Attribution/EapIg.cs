using Faith.Engine.Graphs;

namespace Faith.Engine.Attribution;

/// <summary>
/// EAP with integrated gradients (Hanna, Pezzelle and Belinkov 2024, arXiv 2403.17806): ∂L/∂x_v is averaged over runs whose input
/// embeddings are z′ + α(z − z′), z′ corrupted and z clean, at the points of the caller's rule.
/// </summary>
internal sealed class EapIg : PathMethod
{
    public override string Name => "eap-ig";
    public override string Summary => "EAP with gradients averaged on the path from the corrupted to the clean input (Hanna et al. 2024)";
    public override int? DefaultSteps => 5;
    public override IntegrationRule? Rule(AttributionOptions options) => options.Rule;
    public override PathPoint[] Path(AttributionOptions options, ModelGraph graph) => options.Rule.Points(StepsOf(options)!.Value);
}
