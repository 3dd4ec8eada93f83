using Faith.Engine.Circuits;
using Faith.Engine.Masks;

namespace Faith.Engine.Attribution;

/// <summary>
/// Edge pruning (Bhaskar et al. 2024, arXiv 2406.16778): one gate an edge, or a node (<see cref="HardConcrete"/>), trained so that the metric is kept while the expected
/// share s of gates that are shut comes to a target t. The objective is the loss + λ₁(t − s) + λ₂(t − s)², which <see cref="Adam"/> lowers by the scores and gradient
/// ascent raises by the λ; t rises in even steps from 0 over the first 5/6 of the training, as in the paper.
/// </summary>
internal sealed class EdgePruningMethod : TrainedMasksMethod
{
    /// <summary>The share of edges, or nodes, that is kept unless given.</summary>
    public const double DefaultTargetShare = 0.1;

    public override string Name => "edge-pruning";
    public override string Summary => "edge pruning: gates trained until a target share of them is left (Bhaskar et al. 2024)";
    public override int? DefaultTrainSteps => 2000;
    public override double? DefaultLearningRate => 0.1;
    public override bool TakesTargetShare => true;

    private protected override MaskTraining Begin(double[] start, AttributionOptions options, double rate, int steps) =>
        new EdgePruningTraining(start, rate, steps, 1 - (options.TargetShare ?? DefaultTargetShare), new Random64((ulong)options.Seed + 1));
}
