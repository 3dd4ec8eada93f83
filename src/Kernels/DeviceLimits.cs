namespace Faith.Kernels;

/// <summary>What suits a device and what it cannot do. Results depend on none of it.</summary>
public sealed record DeviceLimits
{
    /// <summary>Bytes for activations beyond which a run gains nothing, so that more is taken only when it is asked for.</summary>
    public long Workspace { get; init; } = 1_500_000_000;

    /// <summary>The share of the free memory that activations take at most, unless more is asked for: other programs, or the insides of operations, need the rest.</summary>
    public double WorkspaceShare { get; init; } = 0.25;

    /// <summary>Rows of a micro-batch, or of circuits computed side by side, beyond which a run gains nothing: on a CPU, more of them leave the caches.</summary>
    public int RowsOfBatch { get; init; } = 640;

    /// <summary>Rows that keep matrix products efficient: smaller micro-batches run several points of a path in one pass.</summary>
    public int RowsOfPass { get; init; } = 256;

    /// <summary>The widest attention head.</summary>
    public int WidestHead { get; init; } = int.MaxValue;

    /// <summary>True where the device's memory is the host's, so that what a run holds there counts as well.</summary>
    public bool IsHostMemory { get; init; }
}
