using Faith.Engine.Graphs;

namespace Faith.Engine.Attribution;

/// <summary>
/// EAP-IG over activations (a variant of the library of Hanna, Pezzelle and Belinkov 2024): one source layer at a time — the input, the
/// heads of a layer, the MLP of a layer — has its outputs moved from corrupted to clean, everything else computed from the clean prompt;
/// ∂L/∂x_v is averaged over α = k/m, k = 1 … m, of all 2L + 1 layers.
/// </summary>
internal sealed class EapIgActivations : PathMethod
{
    public override string Name => "eap-ig-activations";
    public override string Summary => "EAP with gradients averaged on the paths of one source layer's outputs at a time (Hanna et al. 2024)";
    public override int? DefaultSteps => 5;
    public override IntegrationRule? Rule(AttributionOptions options) => IntegrationRule.Right;
    public override bool IsPathIntegral => false;

    public override PathExtension Extend(PathRun run, in PathRunParts parts, AttributionOptions options) =>
        new StagedOutputs(parts.Model, parts.Arena, parts.Inputs.Layout.Rows, parts.Differences);

    public override PathPoint[] Path(AttributionOptions options, ModelGraph graph)
    {
        var stages = 1 + 2 * graph.Layers;
        return [.. Enumerable.Range(0, stages).SelectMany(stage =>
            IntegrationRule.Right.Points(StepsOf(options)!.Value).Select(p => new PathPoint(p.Alpha, p.Weight / stages, stage)))];
    }
}
