using Faith.Engine.Passes;

namespace Faith.Engine.Attribution;

/// <summary>One pass of a <see cref="PathRun"/>: points side by side.</summary>
/// <param name="First">The number of the first of them.</param>
/// <param name="Layout">The rows.</param>
/// <param name="Activations">The matrices.</param>
/// <param name="Slot">Where its steps stand in the accumulators; null without gradient.</param>
/// <param name="Points">The points.</param>
/// <param name="IsRun">True where its run, the gradient of the loss included, is that of the step before, and still there.</param>
internal sealed record PathStep(int First, PassLayout Layout, Activations Activations, int? Slot, PathPoint[] Points, bool IsRun)
{
    /// <summary>The weights of the points.</summary>
    public float[] Weights { get; } = [.. Points.Select(p => (float)p.Weight)];
    /// <summary>Which point is the clean run; null: none.</summary>
    public int? Clean { get; } = Find(Points, 1);
    /// <summary>Which point is the corrupted run; null: none.</summary>
    public int? Corrupted { get; } = Find(Points, 0);

    /// <summary>
    /// Cuts points into passes: those that need no gradient, then blocks of at most <paramref name="held"/> steps, whose slots count from 0.
    /// </summary>
    public static IEnumerable<(int First, int Count, int? Slot)> Cut(int points, int forwardOnly, int held, int pointsOfPass)
    {
        for (var first = 0; first < forwardOnly; first += pointsOfPass) yield return (first, Math.Min(pointsOfPass, forwardOnly - first), null);
        for (var block = forwardOnly; block < points; block += held)
        {
            var end = Math.Min(block + held, points);
            for (var first = block; first < end; first += pointsOfPass) yield return (first, Math.Min(pointsOfPass, end - first), first - block);
        }
    }

    /// <summary>The point at which the input, and nothing else, is at <paramref name="alpha"/>.</summary>
    private static int? Find(PathPoint[] points, double alpha) =>
        Array.FindIndex(points, p => p.Stage == 0 && p.Alpha == alpha) is >= 0 and var found ? found : null;
}
