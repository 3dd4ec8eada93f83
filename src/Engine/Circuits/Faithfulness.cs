namespace Faith.Engine.Circuits;

/// <summary>How much of a model's behaviour a circuit keeps (method.md §6), by example in the order of the data.</summary>
/// <param name="Circuit">The metric with everything outside the circuit corrupted.</param>
/// <param name="Clean">The metric of the full model on the clean prompt.</param>
/// <param name="Corrupted">The metric of the full model on the corrupted prompt (or fully ablated).</param>
public sealed record Faithfulness(double[] Circuit, double[] Clean, double[] Corrupted)
{
    /// <summary>Mean of <see cref="Circuit"/>.</summary>
    public double CircuitMean => Circuit.Average();
    /// <summary>Mean of <see cref="Clean"/>.</summary>
    public double CleanMean => Clean.Average();
    /// <summary>Mean of <see cref="Corrupted"/>.</summary>
    public double CorruptedMean => Corrupted.Average();

    /// <summary>(m(circuit) − m(corrupted)) / (m(full) − m(corrupted)) of the means: 0 for the empty circuit, 1 for the full one; NaN when clean and corrupted do not differ.</summary>
    public double Normalised => (CircuitMean - CorruptedMean) / (CleanMean - CorruptedMean) + 0.0; // no -0
}
