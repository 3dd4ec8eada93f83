namespace Faith.Engine.Masks;

/// <summary>Masks that hang on scores, one each, and the scores that <see cref="Adam"/> moves.</summary>
/// <param name="scores">What training starts from; moved in place.</param>
/// <param name="rate">The learning rate.</param>
internal abstract class MaskTraining(double[] scores, double rate)
{
    private readonly Adam adam = new(scores.Length, rate);

    /// <summary>The scores.</summary>
    public double[] Scores { get; } = scores;

    /// <summary>The masks of the step, each from 0 to 1.</summary>
    public double[] Masks { get; } = new double[scores.Length];

    /// <summary>Sets the masks of the next step, and says how many they open.</summary>
    public abstract double Open();

    /// <summary>Ends the step: moves the scores against a gradient of the loss by the masks, which is overwritten.</summary>
    public void Move(double[] gradient)
    {
        ToScores(gradient);
        adam.Step(Scores, gradient);
    }

    /// <summary>Turns a gradient by the masks into one by the scores, with what else the objective has.</summary>
    protected abstract void ToScores(double[] gradient);
}
