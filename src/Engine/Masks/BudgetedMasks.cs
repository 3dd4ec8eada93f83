namespace Faith.Engine.Masks;

/// <summary>
/// Masks m = sigmoid((a − τ)/T) of scores a that add up to a budget (Arora et al. 2026, arXiv 2609.25518), T = 1, and their gradient: τ moves with the scores, so that
/// ∂L/∂a_j = m_j(1 − m_j)·(g_j − ḡ)/T, ḡ the mean of g = ∂L/∂m weighted by m(1 − m).
/// </summary>
internal static class BudgetedMasks
{
    // Beyond this a sigmoid is 0 or 1 to the last bit of a float64.
    private const double Saturated = 40;

    /// <summary>Sets masks that add up to <paramref name="budget"/>, 0 &lt; budget &lt; number of scores.</summary>
    public static void Set(double[] scores, double budget, double[] masks)
    {
        var (low, high) = (scores.Min() - Saturated, scores.Max() + Saturated);
        for (var i = 0; i < 200 && low < high; i++)
        {
            var middle = low + (high - low) / 2;
            if (middle <= low || middle >= high) break;
            if (scores.Sum(a => Sigmoid(a - middle)) > budget) low = middle;
            else high = middle;
        }
        for (var i = 0; i < masks.Length; i++) masks[i] = Sigmoid(scores[i] - low);
    }

    /// <summary>Turns a gradient by the masks into one by the scores.</summary>
    public static void ToScores(double[] masks, double[] gradient)
    {
        var (weighted, weights) = (0.0, 0.0);
        for (var i = 0; i < masks.Length; i++)
        {
            var weight = masks[i] * (1 - masks[i]);
            weighted += weight * gradient[i];
            weights += weight;
        }
        var mean = weights > 0 ? weighted / weights : 0;
        for (var i = 0; i < masks.Length; i++) gradient[i] = masks[i] * (1 - masks[i]) * (gradient[i] - mean);
    }

    private static double Sigmoid(double x) => x >= 0 ? 1 / (1 + Math.Exp(-x)) : Math.Exp(x) / (1 + Math.Exp(x));
}
