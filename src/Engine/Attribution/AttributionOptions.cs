using Faith.Engine.Ablations;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Passes;

namespace Faith.Engine.Attribution;

/// <summary>How edges are scored.</summary>
public sealed record AttributionOptions
{
    /// <summary>A name in <see cref="AttributionMethods"/>.</summary>
    public string Method { get; init; } = "eap-ig";
    /// <summary>m, the steps of the path integral; null: as many as the method takes by itself (<see cref="AttributionMethod.DefaultSteps"/>).</summary>
    public int? Steps { get; init; }
    /// <summary>The integration rule of eap-ig; eap-ig-activations always takes k/m, k = 1 … m.</summary>
    public IntegrationRule Rule { get; init; } = IntegrationRule.Left;
    /// <summary>How gradients go back through what is not linear; null: as the method has it.</summary>
    public GradientRule? Rules { get; init; }
    /// <summary>The metric whose loss is differentiated.</summary>
    public MetricKind Metric { get; init; } = MetricKind.LogitDifference;
    /// <summary>What stands in for a node's output.</summary>
    public Ablation Ablation { get; init; } = Ablation.Patching;
    /// <summary>
    /// Where the ablation comes from; null: the data itself. Means are over its clean prompts; patching takes its corrupted prompts,
    /// one for one in place of the data's own.
    /// </summary>
    public IReadOnlyList<Example>? AblationData { get; init; }
    /// <summary>What another program does in its own way; null: all as it is defined here.</summary>
    internal Quirks? Quirks { get; init; }
    /// <summary>How positions are told apart: edges are then scored at every span of the prompts, and between spans (<see cref="AttributionResult.Spans"/>). Null: they are not.</summary>
    public PositionKind? Positions { get; init; }
    /// <summary>The graph over the spans of a run's examples, which have been given these; null where positions are not told apart.</summary>
    internal SpanGraph? SpanGraph { get; init; }
    /// <summary>What is scored.</summary>
    public ScoreLevel Level { get; init; } = ScoreLevel.Edge;
    /// <summary>The edges that exact patching tries; the others score 0. Null: all of them.</summary>
    public IReadOnlyCollection<EdgeId>? OnlyEdges { get; init; }
    /// <summary>The thresholds of acdc, rising; null: 1/1024, 1/256, 1/64, 1/16 and 1/4 of what separates the losses of clean and corrupted run.</summary>
    public IReadOnlyList<double>? Thresholds { get; init; }
    /// <summary>Steps by which masks are trained; null: as many as the method takes by itself.</summary>
    public int? TrainSteps { get; init; }
    /// <summary>How far a step of training goes; null: as the method has it.</summary>
    public double? LearningRate { get; init; }
    /// <summary>The share of edges, or nodes, to which edge-pruning prunes, above 0 and below 1; null: 0.02.</summary>
    public double? TargetShare { get; init; }
    /// <summary>Scores whose ranking by magnitude training starts from; null: all edges alike.</summary>
    public EdgeScores? WarmStart { get; init; }
    /// <summary>What training draws at random: the same seed gives the same scores.</summary>
    public int Seed { get; init; }
    /// <summary>Where a training leaves what it needs to go on after it was stopped; null: nowhere.</summary>
    public TrainingCheckpoint? Checkpoint { get; init; }
    /// <summary>Is handed the edge scores of every example; null: nobody wants them. Methods without scores by example refuse it (<see cref="AttributionMethod.ScoresByExample"/>).</summary>
    public IScoreSink? Sink { get; init; }
    /// <summary>Most bytes of device memory for micro-batches; null: on a CPU a quarter of what is free and at most 1.5 GB, on a GPU half and at most 16 GiB.</summary>
    public long? MemoryBytes { get; init; }
}
