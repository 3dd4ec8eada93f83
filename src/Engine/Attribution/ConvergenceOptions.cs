namespace Faith.Engine.Attribution;

/// <summary>When the steps of a path integral are enough.</summary>
public sealed record ConvergenceOptions
{
    /// <summary>Largest completeness gap, and largest distance 1 − Jaccard between the best edges of two rounds.</summary>
    public double Tolerance { get; init; } = 0.01;
    /// <summary>No round takes more steps.</summary>
    public int MostSteps { get; init; } = 128;
    /// <summary>How many of the best edges must stay the same; null: a twentieth of the graph, at least 10.</summary>
    public int? Edges { get; init; }
}
