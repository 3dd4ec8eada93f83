namespace Faith.Engine.Attribution;

/// <summary>How the path integral from the corrupted (α = 0) to the clean input (α = 1) is approximated with m steps.</summary>
public enum IntegrationRule
{
    /// <summary>α = k/m, k = 0 … m−1 (the reference library's edges).</summary>
    Left,
    /// <summary>α = k/m, k = 1 … m (the paper).</summary>
    Right,
    /// <summary>α = (k + ½)/m.</summary>
    Midpoint,
    /// <summary>m intervals: m + 1 nodes k/m, the ends with half weight.</summary>
    Trapezoid,
    /// <summary>The m Gauss–Legendre nodes on [0, 1].</summary>
    GaussLegendre,
}

/// <summary>A point of the path and the weight of its gradient.</summary>
/// <param name="Alpha">0 = corrupted, 1 = clean.</param>
/// <param name="Weight">Weight of the gradient there; the weights of a rule add up to 1.</param>
/// <param name="Stage">Whose outputs lie at the point while all others are computed from a clean prompt: 0 the input, 1 + 2l the heads of layer l, 2 + 2l its MLP.</param>
/// <param name="Dropped">
/// The layer whose heads and MLP no gradient goes back through; null: it goes through all. Points of a path have such a layer all or none; with one
/// they are scored one by one and by magnitude (<see cref="DroppedLayers"/>).
/// </param>
public readonly record struct PathPoint(double Alpha, double Weight, int Stage = 0, int? Dropped = null)
{
    /// <summary>True where the runs of two points are the same, though their gradients are not.</summary>
    internal bool HasRunOf(PathPoint other) => Dropped is not null && (Alpha, Stage) == (other.Alpha, other.Stage);
}

/// <summary>The points of the integration rules.</summary>
public static class IntegrationRules
{
    private static readonly Dictionary<string, IntegrationRule> ByName = new()
    {
        ["left"] = IntegrationRule.Left,
        ["right"] = IntegrationRule.Right,
        ["midpoint"] = IntegrationRule.Midpoint,
        ["trapezoid"] = IntegrationRule.Trapezoid,
        ["gauss-legendre"] = IntegrationRule.GaussLegendre,
    };

    /// <summary>The names on the command line and in files.</summary>
    public static IReadOnlyCollection<string> Names => ByName.Keys;

    /// <summary>The rule of a name.</summary>
    /// <exception cref="InputException">No such rule.</exception>
    public static IntegrationRule Parse(string name) => ByName.TryGetValue(name, out var rule)
        ? rule : throw new InputException($"unknown rule '{name}'; known: {string.Join(", ", Names)}");

    /// <summary>The name of a rule.</summary>
    public static string Name(this IntegrationRule rule) => ByName.First(entry => entry.Value == rule).Key;

    /// <summary>Nodes and weights.</summary>
    public static PathPoint[] Points(this IntegrationRule rule, int steps)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        var m = (double)steps;
        return rule switch
        {
            IntegrationRule.Left => [.. Enumerable.Range(0, steps).Select(k => new PathPoint(k / m, 1 / m))],
            IntegrationRule.Right => [.. Enumerable.Range(1, steps).Select(k => new PathPoint(k / m, 1 / m))],
            IntegrationRule.Midpoint => [.. Enumerable.Range(0, steps).Select(k => new PathPoint((k + 0.5) / m, 1 / m))],
            IntegrationRule.Trapezoid => [.. Enumerable.Range(0, steps + 1).Select(k => new PathPoint(k / m, k == 0 || k == steps ? 0.5 / m : 1 / m))],
            IntegrationRule.GaussLegendre => GaussLegendre(steps),
            _ => throw new ArgumentOutOfRangeException(nameof(rule)),
        };
    }

    /// <summary>Newton's method on the Legendre polynomial P_m from Chebyshev-like first guesses; nodes moved from [−1, 1] to [0, 1].</summary>
    private static PathPoint[] GaussLegendre(int m)
    {
        var points = new PathPoint[m];
        for (var i = 0; i < m; i++)
        {
            var x = -Math.Cos(Math.PI * (i + 0.75) / (m + 0.5));
            var slope = 0.0;
            for (var iteration = 0; iteration < 100; iteration++)
            {
                var (previous, current) = (1.0, x);
                for (var n = 2; n <= m; n++) (previous, current) = (current, ((2 * n - 1) * x * current - (n - 1) * previous) / n);
                slope = m * (x * current - previous) / (x * x - 1);
                var step = current / slope;
                x -= step;
                if (Math.Abs(step) < 1e-16) break;
            }
            points[i] = new PathPoint((1 + x) / 2, 1 / ((1 - x * x) * slope * slope));
        }
        return points;
    }
}
