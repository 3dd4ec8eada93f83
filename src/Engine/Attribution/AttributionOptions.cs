using Faith.Engine.Metrics;

namespace Faith.Engine.Attribution;

/// <summary>How edges are scored.</summary>
public sealed record AttributionOptions
{
    /// <summary>A name in <see cref="AttributionMethods"/>.</summary>
    public string Method { get; init; } = "eap-ig";
    /// <summary>m, the steps of the path integral.</summary>
    public int Steps { get; init; } = 5;
    /// <summary>The integration rule.</summary>
    public IntegrationRule Rule { get; init; } = IntegrationRule.Left;
    /// <summary>The metric whose loss is differentiated.</summary>
    public MetricKind Metric { get; init; } = MetricKind.LogitDifference;
    /// <summary>Most bytes of device memory for micro-batches; null: a quarter of what is free, at most 4 GiB.</summary>
    public long? MemoryBytes { get; init; }
}

/// <summary>How far a run is.</summary>
/// <param name="Done">Examples (or other units) done.</param>
/// <param name="Total">Of how many.</param>
/// <param name="Phase">What is being done.</param>
public readonly record struct RunProgress(int Done, int Total, string Phase);
