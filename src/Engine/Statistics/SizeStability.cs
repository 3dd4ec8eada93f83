using Faith.Engine.Circuits;
using Faith.Engine.Graphs;

namespace Faith.Engine.Statistics;

/// <summary>How well the circuit of one size is known.</summary>
public sealed record SizeStability
{
    /// <summary>Edges asked for.</summary>
    public required int Size { get; init; }
    /// <summary>The circuit of all examples, pruned.</summary>
    public required Circuit Circuit { get; init; }
    /// <summary>Mean Jaccard overlap of the edges of the resamples' circuits with those of <see cref="Circuit"/>.</summary>
    public required double Jaccard { get; init; }
    /// <summary>Where that overlap lies.</summary>
    public required Interval JaccardInterval { get; init; }
    /// <summary>Whether the circuit is called stable.</summary>
    public StabilityVerdict Verdict => StabilityVerdicts.Of(Jaccard, Faithfulness.Circuit.Length);
    /// <summary>What <see cref="Circuit"/> keeps of the behaviour.</summary>
    public required Faithfulness Faithfulness { get; init; }
    /// <summary>The interval of its normalised faithfulness, over the examples, for this circuit.</summary>
    public required Interval FaithfulnessInterval { get; init; }
    /// <summary>Random circuits with as many edges; null when none were asked for.</summary>
    public BaselineStability? Random { get; init; }
    /// <summary>Circuits found with permuted labels; null when none were asked for or labels do not enter.</summary>
    public BaselineStability? Shuffled { get; init; }
}
