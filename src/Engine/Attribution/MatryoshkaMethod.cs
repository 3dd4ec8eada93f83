using Faith.Engine.Circuits;
using Faith.Engine.Masks;

namespace Faith.Engine.Attribution;

/// <summary>
/// Matryoshka attribution (Arora et al. 2026, arXiv 2609.25518): one score an edge, or a node, trained so that the circuits of all sizes keep the metric. A step draws
/// a size k, log-uniformly, opens masks that add up to k by the scores (<see cref="BudgetedMasks"/>) and moves the scores by <see cref="Adam"/>; the loss is minus the
/// metric.
/// </summary>
internal sealed class MatryoshkaMethod : TrainedMasksMethod
{
    public override string Name => "mattr";
    public override string Summary => "matryoshka attribution: masks trained at all sizes of the circuit at once (Arora et al. 2026)";
    public override int? DefaultTrainSteps => 1000;
    public override double? DefaultLearningRate => 0.05;

    private protected override MaskTraining Begin(double[] start, AttributionOptions options, double rate, int steps) =>
        new MatryoshkaTraining(start, rate, new Random64((ulong)options.Seed + 1));
}
