namespace Faith.Engine.Masks;

/// <summary>Adam (Kingma and Ba 2015, arXiv 1412.6980) with β₁ = 0.9, β₂ = 0.999.</summary>
/// <param name="count">Numbers that it moves.</param>
/// <param name="rate">The learning rate.</param>
internal sealed class Adam(int count, double rate)
{
    private const double First = 0.9, Second = 0.999, Epsilon = 1e-8;
    private readonly double[] means = new double[count];
    private readonly double[] squares = new double[count];
    private int steps;

    /// <summary>Writes what <see cref="Load"/> reads.</summary>
    public void Save(BinaryWriter writer)
    {
        writer.Write(steps);
        foreach (var mean in means) writer.Write(mean);
        foreach (var square in squares) writer.Write(square);
    }

    /// <summary>Goes on from where another of the same numbers was.</summary>
    public void Load(BinaryReader reader)
    {
        steps = reader.ReadInt32();
        for (var i = 0; i < means.Length; i++) means[i] = reader.ReadDouble();
        for (var i = 0; i < squares.Length; i++) squares[i] = reader.ReadDouble();
    }

    /// <summary>Moves <paramref name="x"/> against the gradient.</summary>
    public void Step(double[] x, double[] gradient)
    {
        steps++;
        var (ofMeans, ofSquares) = (1 - Math.Pow(First, steps), 1 - Math.Pow(Second, steps));
        for (var i = 0; i < x.Length; i++)
        {
            means[i] = First * means[i] + (1 - First) * gradient[i];
            squares[i] = Second * squares[i] + (1 - Second) * gradient[i] * gradient[i];
            x[i] -= rate * (means[i] / ofMeans) / (Math.Sqrt(squares[i] / ofSquares) + Epsilon);
        }
    }
}
