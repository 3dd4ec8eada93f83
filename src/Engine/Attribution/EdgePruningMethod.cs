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
        new Training(start, rate, steps, 1 - (options.TargetShare ?? DefaultTargetShare), new Random64((ulong)options.Seed + 1));

    private sealed class Training : MaskTraining
    {
        // Gates that start open for the most part: the whole model is what pruning starts from.
        private const double Start = 2;
        private readonly double rate;
        private readonly double rising;
        private readonly double target;
        private readonly double[] slopes;
        private Random64 random;
        private (double Linear, double Square) multipliers;
        private double shut;
        private int step;

        public Training(double[] scores, double rate, int steps, double target, Random64 random) : base(scores, rate)
        {
            (this.rate, this.target, this.random) = (rate, target, random);
            rising = 5.0 / 6 * steps;
            slopes = new double[scores.Length];
            for (var i = 0; i < scores.Length; i++) scores[i] += Start;
        }

        public override double Open()
        {
            var open = 0.0;
            for (var i = 0; i < Scores.Length; i++)
            {
                (Masks[i], slopes[i]) = HardConcrete.At(Scores[i], random.Unit());
                open += HardConcrete.Open(Scores[i]).Chance;
            }
            shut = 1 - open / Scores.Length;
            return open;
        }

        protected override void ToScores(double[] gradient)
        {
            step++;
            var lacking = target * Math.Min(1, step / rising) - shut;
            // d(t − s)/da = slope of the chance / number of gates.
            var pull = (multipliers.Linear + 2 * multipliers.Square * lacking) / Scores.Length;
            for (var i = 0; i < gradient.Length; i++) gradient[i] = gradient[i] * slopes[i] + pull * HardConcrete.Open(Scores[i]).Slope;
            // In steps of gates, so that the pull at one gate grows alike in small and large graphs.
            multipliers.Linear += rate * Scores.Length * lacking;
            multipliers.Square += rate * Scores.Length * lacking * lacking;
        }
    }
}
