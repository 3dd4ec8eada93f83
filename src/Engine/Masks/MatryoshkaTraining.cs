using Faith.Engine.Circuits;

namespace Faith.Engine.Masks;

/// <summary>The training of matryoshka attribution (Arora et al. 2026, arXiv 2609.25518): a step opens masks that add up to a size, drawn log-uniformly, by <see cref="BudgetedMasks"/>.</summary>
/// <param name="scores">What training starts from; moved in place.</param>
/// <param name="rate">The learning rate.</param>
/// <param name="random">Draws the sizes.</param>
internal sealed class MatryoshkaTraining(double[] scores, double rate, Random64 random) : MaskTraining(scores, rate, random)
{
    /// <inheritdoc/>
    public override double Open()
    {
        var budget = Math.Min(Math.Exp(Draw() * Math.Log(Scores.Length)), Scores.Length - 0.5);
        BudgetedMasks.Set(Scores, budget, Masks);
        return budget;
    }

    /// <inheritdoc/>
    protected override void ToScores(double[] gradient) => BudgetedMasks.ToScores(Masks, gradient);
}
