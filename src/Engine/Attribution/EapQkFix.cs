using Faith.Engine.Graphs;

namespace Faith.Engine.Attribution;

/// <summary>
/// EAP with the QK fix of AtP* (Kramár, Lieberum, Shah and Nanda 2024, arXiv 2403.00745), taken to edges: where an edge leads into the
/// queries or keys of a head, the head's attention is computed and not linearised (<see cref="RecomputedAttention"/>). Saturated
/// attention has no gradient, but it has an output.
/// </summary>
internal sealed class EapQkFix : PathMethod
{
    public override string Name => "eap-qkfix";
    public override string Summary => "EAP with the attention recomputed for edges into queries and keys (AtP*'s QK fix, Kramár et al. 2024)";
    public override bool IsPathIntegral => false;
    // What it recomputes takes the place of the derivative.
    public override bool TakesRules => false;
    public override int HostBytesOfScore => sizeof(float);
    public override PathExtension Extend(PathRun run, in PathRunParts parts, AttributionOptions options) =>
        new RecomputedAttention(run, parts.Model, parts.Arena, parts.Measuring, parts.Inputs, parts.Activations, parts.Backward, parts.Spans);

    /// <exception cref="InputException">Neurons are asked for.</exception>
    public override PathPoint[] Path(AttributionOptions options, ModelGraph graph) => options.Level != ScoreLevel.Neuron
        ? [new PathPoint(1, 1)]
        : throw new InputException($"{Name} scores edges and nodes: take --level edge or node");
}
