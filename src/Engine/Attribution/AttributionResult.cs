using Faith.Engine.Graphs;

namespace Faith.Engine.Attribution;

/// <summary>The scores of every edge and what is known about them.</summary>
public sealed record AttributionResult
{
    /// <summary>Mean score over the examples; of no meaning where <see cref="HasEdgeScores"/> is false.</summary>
    public required EdgeScores Scores { get; init; }
    /// <summary>False where only nodes or neurons were scored: <see cref="Scores"/> is then 0 everywhere.</summary>
    public bool HasEdgeScores { get; init; } = true;
    /// <summary>What <see cref="Scores"/> are the means of, of methods that score example by example.</summary>
    internal ScoreSums? Sums { get; init; }
    /// <summary>What <see cref="NeuronScores"/> are the means of.</summary>
    internal NeuronSums? Neurons { get; init; }
    /// <summary>What <see cref="NodeScores"/> are the means of, where they are not sums of edges' scores.</summary>
    internal NeuronSums? Nodes { get; init; }
    /// <summary>Standard error of every mean score, laid out like <see cref="EdgeScores.Values"/>; null with one example.</summary>
    public double[]? StandardErrors { get; init; }
    /// <summary>Scores by span, where positions were told apart: those within spans add up to <see cref="Scores"/>.</summary>
    public SpanScores? Spans { get; init; }
    /// <summary>Node scores by span [F·S]: entry u·S + s is node u at span s; where nodes were asked for and positions told apart.</summary>
    public double[]? SpanNodes { get; init; }
    /// <summary>What <see cref="SpanNodes"/> are the means of, where they are not sums of edges' scores.</summary>
    internal NeuronSums? SpanNodeSums { get; init; }
    /// <summary>What <see cref="Spans"/> are the means of.</summary>
    internal SpanSums? SpanSums { get; init; }
    /// <summary>Standard error of every score by span; null with one example.</summary>
    public double[]? SpanErrors { get; init; }
    /// <summary>The metric of the clean run, by example.</summary>
    public required double[] Clean { get; init; }
    /// <summary>Node scores [F], where asked for and the method has them.</summary>
    public double[]? NodeScores { get; init; }
    /// <summary>Neuron scores [F·d]: entry u·d + c is column c of z_u; where asked for.</summary>
    public double[]? NeuronScores { get; init; }
    /// <summary>The metric of the corrupted run, by example; under an ablation of the run whose input is ablated.</summary>
    public required double[] Corrupted { get; init; }
    /// <summary>Σ_v score(input→v), by example.</summary>
    public double[]? InputScores { get; init; }
    /// <summary>
    /// |mean Σ_v score(input→v) − (L(corrupted) − L(clean))| / |L(corrupted) − L(clean)| (method.md §4): what the path integral missed. Null where it does not apply or the denominator is zero.
    /// </summary>
    public double? CompletenessGap { get; init; }
    /// <summary>The completeness gap of every example by itself; null where there is none, NaN for an example whose loss does not change.</summary>
    public double[]? ExampleGaps { get; init; }
    /// <summary>The circuits that acdc's thresholds left, in the order of the thresholds; null for other methods.</summary>
    public IReadOnlyList<ThresholdCircuit>? Thresholds { get; init; }
    /// <summary>Interventions times examples a second, of methods that try edges one by one.</summary>
    public double? TrialsPerSecond { get; init; }
    /// <summary>Seconds of the run, model set-up excluded.</summary>
    public required double Seconds { get; init; }
    /// <summary>Seconds by phase.</summary>
    public required IReadOnlyDictionary<string, double> Phases { get; init; }
    /// <summary>Bytes of the largest micro-batch.</summary>
    public required long WorkspaceBytes { get; init; }

    /// <summary>This result with other sums of the same scores; standard errors belong to the means and go.</summary>
    internal AttributionResult WithScores(EdgeScores scores) =>
        this with { Scores = scores, NodeScores = null, NeuronScores = null, StandardErrors = null, Sums = null, Neurons = null, Nodes = null };

    /// <summary>This result with scores of nodes, and maybe of neurons, that the edges' scores do not belong to and are dropped for.</summary>
    internal AttributionResult WithNodeScores(double[] nodes, double[]? neurons) =>
        WithScores(EdgeScores.Zero(Scores.Graph)) with { HasEdgeScores = false, NodeScores = nodes, NeuronScores = neurons };
}
