using Faith.Engine.Graphs;
using Faith.Engine.Passes;

namespace Faith.Engine.Attribution;

/// <summary>
/// Relevance patching (Jafari, Eberle, Khakzar and Nanda 2025, arXiv 2508.21258): EAP with the coefficients of layer-wise relevance
/// propagation in place of the gradient (<see cref="RelevanceRule"/>).
/// </summary>
internal sealed class RelevancePatching : PathMethod
{
    public override string Name => "relp";
    public override string Summary => "relevance patching: EAP with coefficients of relevance propagation for gradients (Jafari et al. 2025)";
    public override GradientRule Gradient { get; } = new RelevanceRule();
    public override PathPoint[] Path(AttributionOptions options, ModelGraph graph) => [new PathPoint(1, 1)];
}
