using Faith.Engine.Ablations;
using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Passes;

namespace Faith.Engine.Compatibility;

/// <summary>
/// Every choice that another source of numbers makes, so that numbers can be compared with its. A mode pins the rule of the path
/// integral, the way circuits are selected, their sizes and how scores are added up; the rest stays with the caller.
/// </summary>
public sealed record CompatibilityMode
{
    /// <summary>The paper, the library that goes with it today, and the benchmark.</summary>
    public static IReadOnlyList<CompatibilityMode> All { get; } =
    [
        new()
        {
            Name = "paper", Rule = IntegrationRule.Right, Select = "greedy", Signed = false,
            Summary = "Hanna et al. 2024: steps 1 … m, greedy by |score|, one pass of pruning up and one down (the fixed point, as here)",
        },
        new()
        {
            Name = "eap-ig", Rule = IntegrationRule.Left, AddsByBatch = true, MeansDiffer = true,
            Summary = "the EAP-IG library since 2025: steps 0 … m−1, top or greedy by |score|, scores divided by the size of the batch",
        },
        new()
        {
            Name = "mib", Rule = IntegrationRule.Left, Select = "top", Fractions = CurveAreas.MibFractions,
            Summary = "the MIB benchmark: fixed fractions of the edges, top by score for CPR and by |score| for CMD",
        },
    ];

    /// <summary>The name on the command line.</summary>
    public required string Name { get; init; }
    /// <summary>One line: the source and what is pinned.</summary>
    public required string Summary { get; init; }
    /// <summary>The rule of eap-ig.</summary>
    public required IntegrationRule Rule { get; init; }
    /// <summary>A name in <see cref="SelectionMethods"/>; null where the source offers several.</summary>
    public string? Select { get; init; }
    /// <summary>Rank by score rather than by |score|; null where the source does both.</summary>
    public bool? Signed { get; init; }
    /// <summary>Fractions of the edges at which circuits are measured; null: the caller's sizes.</summary>
    public IReadOnlyList<double>? Fractions { get; init; }
    /// <summary>True when scores depend on the size of the source's batches (<see cref="BatchedScores"/>).</summary>
    public bool AddsByBatch { get; init; }
    /// <summary>True when the source's mean ablation is not a mean over positions.</summary>
    public bool MeansDiffer { get; init; }

    /// <summary>The mode of a name.</summary>
    /// <exception cref="InputException">There is none.</exception>
    public static CompatibilityMode Find(string name) => All.FirstOrDefault(m => m.Name == name)
        ?? throw new InputException($"no compatibility mode '{name}'; known: {string.Join(", ", All.Select(m => m.Name))}");

    /// <summary>The options with what the mode pins.</summary>
    /// <exception cref="InputException">The source does something else under this ablation, or scores something else at this level.</exception>
    public AttributionOptions Apply(AttributionOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        // One row for all nodes and positions, the mean of their last outputs divided by the prompts' lengths, lies outside what a head
        // can put out: heads are ablated before W_O here.
        if (MeansDiffer && options.Ablation == Ablation.Mean) throw new InputException($"compatibility mode {Name}: the mean ablation of this source averages over nodes and takes last tokens only, which is not offered; take patching, zero or mean-positional");
        if (AddsByBatch && options.Level != ScoreLevel.Edge) throw new InputException($"compatibility mode {Name} scores edges only: this source takes an MLP's gradient at its input");
        return options with { Rule = Rule };
    }

    /// <summary>Runs an attribution as the source does.</summary>
    /// <param name="models">The model.</param>
    /// <param name="data">The examples, in the order that the source batches them in.</param>
    /// <param name="options">The caller's part of the options.</param>
    /// <param name="batch">The source's batch size; of no effect in a mode that does not depend on it.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="cancellation">Stops between micro-batches.</param>
    public AttributionResult Run(TransformerSet models, IReadOnlyList<Example> data, AttributionOptions options, int batch,
        IProgress<RunProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(models);
        ArgumentNullException.ThrowIfNull(data);
        options = Apply(options);
        // Only losses are batch means; what comes without a gradient of them is added up as usual.
        if (!AddsByBatch || batch == 1 || AttributionMethods.Find(options.Method).Path(options, models.Graph) is null) return Attributor.Run(models, data, options, progress, cancellation);
        var sums = new BatchedScores(models.Graph, data.Count, batch);
        return Attributor.Run(models, data, options with { Sink = sums }, progress, cancellation).WithScores(sums.Scores);
    }
}
