using Faith.Engine.Ablations;
using Faith.Engine.Data;
using Faith.Engine.Metrics;

namespace Faith.Engine.Circuits;

/// <summary>How circuits are measured.</summary>
public sealed record EvaluationOptions
{
    /// <summary>What is measured.</summary>
    public MetricKind Metric { get; init; } = MetricKind.LogitDifference;
    /// <summary>What the edges outside a circuit carry.</summary>
    public Ablation Ablation { get; init; } = Ablation.Patching;
    /// <summary>
    /// Where the ablation comes from; null: the data itself. Means are over its clean prompts; patching takes its corrupted prompts,
    /// one for one in place of the data's own.
    /// </summary>
    public IReadOnlyList<Example>? AblationData { get; init; }
    /// <summary>Most bytes of device memory for micro-batches; null: on a CPU a quarter of what is free and at most 1.5 GB, on a GPU half and at most 16 GiB.</summary>
    public long? MemoryBytes { get; init; }
}
