using Faith.Engine.Circuits;
using Faith.Engine.Masks;

namespace Faith.Engine.Attribution;

/// <summary>
/// Edge pruning (Bhaskar et al. 2024, arXiv 2406.16778): one gate an edge, or a node, trained so that the metric is kept while the expected share of gates that are left falls
/// to a target (<see cref="EdgePruningTraining"/>).
/// </summary>
internal sealed class EdgePruningMethod : TrainedMasksMethod
{
    /// <summary>The share of edges, or nodes, that is kept unless given.</summary>
    public const double DefaultTargetShare = 0.02;

    public override string Name => "edge-pruning";
    public override string Summary => "edge pruning: gates trained until a target share of them is left (Bhaskar et al. 2024)";
    public override int? DefaultTrainSteps => 1000;
    public override double? DefaultLearningRate => 0.1;
    public override bool TakesTargetShare => true;

    private protected override MaskTraining Begin(double[] start, AttributionOptions options, double rate, int steps) =>
        new EdgePruningTraining(start, rate, steps, options.TargetShare ?? DefaultTargetShare, new Random64((ulong)options.Seed + 1));
}
