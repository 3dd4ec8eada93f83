using Faith.Engine.Circuits;
using Faith.Engine.Metrics;

namespace Faith.Engine.Statistics;

/// <summary>
/// The sign test of "the circuit does better than the corrupted run": in how many examples it does. Were it a toss-up, the better ones of n would be
/// binomial with ½; examples without a difference are dropped (Conover 1999, §3.4).
/// </summary>
/// <param name="Better">Examples in which the circuit does better: a larger metric, of a divergence a smaller one.</param>
/// <param name="Worse">Examples in which it does worse.</param>
/// <param name="Ties">Examples in which the two are equal.</param>
public readonly record struct SignTest(int Better, int Worse, int Ties)
{
    /// <summary>
    /// The exact one-sided p: the chance of as many better ones or more, Σ_{k ≥ better} C(n, k) / 2ⁿ with n = better + worse. NaN where every example is a tie.
    /// </summary>
    public double P
    {
        get
        {
            var n = Better + Worse;
            if (n == 0) return double.NaN;
            if (Better == 0) return 1;
            // By logarithms, because 2⁻ⁿ is no number for large n: ln C(n, better), and from there the terms by their ratios to the first.
            var first = -n * Math.Log(2);
            for (var k = 1; k <= Math.Min(Better, Worse); k++) first += Math.Log((double)(n - k + 1) / k);
            var (sum, ratio) = (1.0, 1.0);
            for (var k = Better + 1; k <= n && ratio > sum * 1e-18; k++)
            {
                ratio *= (double)(n - k + 1) / k;
                sum += ratio;
            }
            return Math.Min(1, Math.Exp(first + Math.Log(sum)));
        }
    }

    /// <summary>Counts the examples.</summary>
    public static SignTest Of(Faithfulness result)
    {
        ArgumentNullException.ThrowIfNull(result);
        var signs = result.Circuit.Zip(result.Corrupted, (circuit, corrupted) => (result.Metric.IsDivergence() ? -1 : 1) * circuit.CompareTo(corrupted)).ToArray();
        return new(signs.Count(s => s > 0), signs.Count(s => s < 0), signs.Count(s => s == 0));
    }
}
