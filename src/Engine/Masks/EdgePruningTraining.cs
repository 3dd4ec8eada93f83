using Faith.Engine.Circuits;

namespace Faith.Engine.Masks;

/// <summary>
/// The training of edge pruning (Bhaskar et al. 2024, arXiv 2406.16778): gates of <see cref="HardConcrete"/>, and the objective loss + λ₁(t − s) + λ₂(t − s)², s the expected
/// share of gates that are shut and t its target, which rises in even steps from 0 over the first 5/6 of the training.
/// </summary>
internal sealed class EdgePruningTraining : MaskTraining
{
    // Gates that start open for the most part: the whole model is what pruning starts from.
    private const double Start = 2;
    private readonly double rate;
    private readonly double rising;
    private readonly double target;
    private readonly double[] slopes;
    private (double Linear, double Square) multipliers;
    private double shut;
    private int step;

    /// <param name="scores">What training starts from; moved in place.</param>
    /// <param name="rate">The learning rate.</param>
    /// <param name="steps">Steps of the training.</param>
    /// <param name="target">The share of gates that is to be shut in the end.</param>
    /// <param name="random">Draws the gates.</param>
    public EdgePruningTraining(double[] scores, double rate, int steps, double target, Random64 random) : base(scores, rate, random)
    {
        (this.rate, this.target) = (rate, target);
        rising = 5.0 / 6 * steps;
        slopes = new double[scores.Length];
        for (var i = 0; i < scores.Length; i++) scores[i] += Start;
    }

    /// <inheritdoc/>
    public override double Open()
    {
        var open = 0.0;
        for (var i = 0; i < Scores.Length; i++)
        {
            (Masks[i], slopes[i]) = HardConcrete.At(Scores[i], Draw());
            open += HardConcrete.Open(Scores[i]).Chance;
        }
        shut = 1 - open / Scores.Length;
        return open;
    }

    /// <inheritdoc/>
    public override void Save(BinaryWriter writer)
    {
        base.Save(writer);
        writer.Write(step);
        writer.Write(multipliers.Linear);
        writer.Write(multipliers.Square);
    }

    /// <inheritdoc/>
    public override void Load(BinaryReader reader)
    {
        base.Load(reader);
        step = reader.ReadInt32();
        multipliers = (reader.ReadDouble(), reader.ReadDouble());
    }

    /// <inheritdoc/>
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
