using Faith.Engine.Graphs;

namespace Faith.Engine.Attribution;

/// <summary>
/// EAP with the GradDrop of AtP* (Kramár, Lieberum, Shah and Nanda 2024, arXiv 2403.00745), taken to edges: one gradient a layer, that
/// of the clean run with nothing going back through the layer's heads and MLP, and of the scores that these give the mean magnitude. What
/// a direct effect and one through a later layer cancel in the one gradient of <see cref="Eap"/>, they do not in all of these.
/// </summary>
internal sealed class EapGradDrop : PathMethod
{
    public override string Name => "eap-graddrop";
    public override string Summary => "EAP's magnitude averaged over gradients that each leave one layer out (AtP*'s GradDrop, Kramár et al. 2024)";
    public override bool IsPathIntegral => false;
    public override bool TakesMagnitudes => true;
    public override bool HasOwnNodeScores => true;
    public override int HostBytesOfScore => sizeof(double);

    // The scores of every point are taken by themselves.
    public override int StepsTogether => 1;

    public override PathExtension Extend(PathRun run, in PathRunParts parts, AttributionOptions options) =>
        new DroppedLayers(run, parts.Model, parts.Arena, parts.Measuring, parts.Activations.Rows, options.Level, parts.Inputs.Layout.Rows.Sequences, parts.Spans?.Spans ?? 0);

    /// <exception cref="InputException">The model has one layer.</exception>
    public override PathPoint[] Path(AttributionOptions options, ModelGraph graph) => graph.Layers > 1
        ? [.. Enumerable.Range(0, graph.Layers).Select(layer => new PathPoint(1, 1, Dropped: layer))]
        : throw new InputException($"{Name} leaves out one layer at a time, and the model has no other: take --method eap");
}
