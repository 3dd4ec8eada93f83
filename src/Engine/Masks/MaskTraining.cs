using Faith.Engine.Circuits;

namespace Faith.Engine.Masks;

/// <summary>Masks that hang on scores, one each, and the scores that <see cref="Adam"/> moves.</summary>
/// <param name="scores">What training starts from; moved in place.</param>
/// <param name="rate">The learning rate.</param>
/// <param name="random">What a step draws.</param>
internal abstract class MaskTraining(double[] scores, double rate, Random64 random)
{
    private readonly Adam adam = new(scores.Length, rate);
    private Random64 random = random;

    /// <summary>The scores.</summary>
    public double[] Scores { get; } = scores;

    /// <summary>By what edges, or nodes, are ranked after the last step.</summary>
    public virtual double[] Result => Scores;

    /// <summary>The masks of the step, each from 0 to 1.</summary>
    public double[] Masks { get; } = new double[scores.Length];

    /// <summary>Numbers that <see cref="Save"/> writes of every score: itself and the two means of <see cref="Adam"/>.</summary>
    public virtual int NumbersOfScore => 3;

    /// <summary>Sets the masks of the next step, and says how many they open.</summary>
    public abstract double Open();

    /// <summary>Ends the step: moves the scores against a gradient of the loss by the masks, which is overwritten.</summary>
    public void Move(double[] gradient)
    {
        ToScores(gradient);
        adam.Step(Scores, gradient);
    }

    /// <summary>Writes, between two steps, what <see cref="Load"/> reads.</summary>
    public virtual void Save(BinaryWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.Write(Scores.Length);
        foreach (var score in Scores) writer.Write(score);
        writer.Write(random.State);
        adam.Save(writer);
    }

    /// <summary>Goes on from where another training of as many scores was.</summary>
    public virtual void Load(BinaryReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        if (reader.ReadInt32() != Scores.Length) throw new FormatException();
        for (var i = 0; i < Scores.Length; i++) Scores[i] = reader.ReadDouble();
        random = new(reader.ReadUInt64());
        adam.Load(reader);
    }

    /// <summary>The next random number from [0, 1).</summary>
    protected double Draw() => random.Unit();

    /// <summary>Turns a gradient by the masks into one by the scores, with what else the objective has.</summary>
    protected abstract void ToScores(double[] gradient);
}
