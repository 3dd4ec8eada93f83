namespace Faith.Engine.Tests.Oracle;

/// <summary>One point of a way from α = 0 to α = 1 and its share in the mean over the way.</summary>
/// <param name="Alpha">0: ablated, 1: clean.</param>
/// <param name="Weight">The weights of a rule add up to 1.</param>
public readonly record struct PathPoint(double Alpha, double Weight);

/// <summary>The points of the integration rules.</summary>
public static class LiteralRule
{
    /// <summary>The points of a rule of m steps.</summary>
    public static PathPoint[] Points(OracleRule rule, int m) => rule switch
    {
        OracleRule.Left => Enumerable.Range(0, m).Select(k => new PathPoint((double)k / m, 1.0 / m)).ToArray(),
        OracleRule.Right => Enumerable.Range(1, m).Select(k => new PathPoint((double)k / m, 1.0 / m)).ToArray(),
        OracleRule.Midpoint => Enumerable.Range(0, m).Select(k => new PathPoint((k + 0.5) / m, 1.0 / m)).ToArray(),
        OracleRule.Trapezoid => Enumerable.Range(0, m + 1)
            .Select(k => new PathPoint((double)k / m, (k == 0 || k == m ? 0.5 : 1.0) / m)).ToArray(),
        OracleRule.GaussLegendre => GaussLegendre(m),
        _ => throw new ArgumentOutOfRangeException(nameof(rule)),
    };

    /// <summary>
    /// The roots x of the Legendre polynomial P_m with weights 2/((1 − x²)·P_m′(x)²), moved from [−1, 1] to [0, 1]. The roots are
    /// found by their changes of sign along x = −cos θ, where they lie about π/m apart, and then by halving.
    /// </summary>
    private static PathPoint[] GaussLegendre(int m)
    {
        var points = new List<PathPoint>();
        var cells = 16 * m + 1;
        for (var cell = 0; cell < cells; cell++)
        {
            double low = -Math.Cos(Math.PI * cell / cells), high = -Math.Cos(Math.PI * (cell + 1) / cells);
            if (Legendre(m, low).Value * Legendre(m, high).Value > 0) continue;
            for (var i = 0; i < 100; i++)
            {
                var middle = (low + high) / 2;
                if (Legendre(m, low).Value * Legendre(m, middle).Value > 0) low = middle;
                else high = middle;
            }
            var x = (low + high) / 2;
            var slope = Legendre(m, x).Derivative;
            points.Add(new((1 + x) / 2, 1 / ((1 - x * x) * slope * slope)));
        }
        return points.Count == m ? points.ToArray() : throw new InvalidOperationException($"{points.Count} roots of degree {m}");
    }

    /// <summary>P_m(x) and its derivative, by (j+1)·P_{j+1} = (2j+1)·x·P_j − j·P_{j−1} and (1 − x²)·P_m′ = m·(P_{m−1} − x·P_m).</summary>
    private static (double Value, double Derivative) Legendre(int m, double x)
    {
        double previous = 1, current = x;
        for (var j = 1; j < m; j++) (previous, current) = (current, ((2 * j + 1) * x * current - j * previous) / (j + 1));
        return (current, m * (previous - x * current) / (1 - x * x));
    }
}
