using Faith.Engine.Circuits;

namespace Faith.Engine.Masks;

/// <summary>
/// The training of edge pruning (Bhaskar et al. 2024, arXiv 2406.16778): gates of <see cref="HardConcrete"/>, and the objective loss + λ₁(t − s) + λ₂(t − s)², s the expected
/// share of gates that are shut and t its target. Over the first 5/6 of the training the share that is left, 1 − t, falls from 1 by the same factor in every step, so that small
/// circuits get as much of it as large ones. Scores stay between ±ln 100, as in programs that prune by such gates: beyond, no gate would open again.
/// </summary>
internal sealed class EdgePruningTraining : MaskTraining
{
    // Gates that start open for the most part: the whole model is what pruning starts from.
    private const double Start = 2;
    private static readonly double Bound = Math.Log(100);
    private readonly double rate;
    private readonly double falling;
    private readonly double left;
    private readonly double[] slopes;
    private readonly double[] sums;
    private (double Linear, double Square) multipliers;
    private double shut;
    private int step;

    /// <param name="scores">What training starts from; moved in place.</param>
    /// <param name="rate">The learning rate.</param>
    /// <param name="steps">Steps of the training.</param>
    /// <param name="left">The share of gates that is to be left open in the end.</param>
    /// <param name="random">Draws the gates.</param>
    public EdgePruningTraining(double[] scores, double rate, int steps, double left, Random64 random) : base(scores, rate, random)
    {
        (this.rate, this.left) = (rate, left);
        falling = 5.0 / 6 * steps;
        (slopes, sums) = (new double[scores.Length], new double[scores.Length]);
        for (var i = 0; i < scores.Length; i++) scores[i] += Start;
    }

    /// <summary>
    /// The mean of the scores over the steps: gates that are shut early, while many may stay open, are low for long: so all sizes are ranked, and not the last one alone.
    /// </summary>
    public override double[] Result => [.. sums.Select(sum => sum / Math.Max(step, 1))];

    /// <inheritdoc/>
    public override int NumbersOfScore => base.NumbersOfScore + 1;

    /// <inheritdoc/>
    public override double Open()
    {
        var open = 0.0;
        for (var i = 0; i < Scores.Length; i++)
        {
            Scores[i] = Math.Clamp(Scores[i], -Bound, Bound);
            (Masks[i], slopes[i]) = HardConcrete.At(Scores[i], Draw());
            open += HardConcrete.Open(Scores[i]).Chance;
            sums[i] += Scores[i];
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
        foreach (var sum in sums) writer.Write(sum);
    }

    /// <inheritdoc/>
    public override void Load(BinaryReader reader)
    {
        base.Load(reader);
        step = reader.ReadInt32();
        multipliers = (reader.ReadDouble(), reader.ReadDouble());
        for (var i = 0; i < sums.Length; i++) sums[i] = reader.ReadDouble();
    }

    /// <inheritdoc/>
    protected override void ToScores(double[] gradient)
    {
        step++;
        var lacking = 1 - Math.Pow(left, Math.Min(1, step / falling)) - shut;
        // d(t − s)/da = slope of the chance / number of gates.
        var pull = (multipliers.Linear + 2 * multipliers.Square * lacking) / Scores.Length;
        for (var i = 0; i < gradient.Length; i++) gradient[i] = gradient[i] * slopes[i] + pull * HardConcrete.Open(Scores[i]).Slope;
        // In steps of gates, so that the pull at one gate grows alike in small and large graphs.
        multipliers.Linear += rate * Scores.Length * lacking;
        multipliers.Square += rate * Scores.Length * lacking * lacking;
    }
}
