using Faith.Engine.Ablations;
using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Passes;

namespace Faith.Engine.Compatibility;

/// <summary>
/// Every choice that another source of numbers makes, so that numbers can be compared with its. A mode pins the rule of the path
/// integral, the way circuits are selected, their sizes and how scores are added up; the rest stays with the caller.
/// </summary>
public sealed record CompatibilityMode
{
    // What a mode takes: the sources are older than the other methods.
    private static readonly string[] Methods = ["eap", "eap-ig", "clean-corrupted", "eap-ig-activations", "exact", "ifr", "acdc"];

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
            Name = "eap-ig", Rule = IntegrationRule.Left, NodeRule = IntegrationRule.Right, AddsByBatch = true, AblatesItsOwnWay = true,
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
    /// <summary>The rule of eap-ig for nodes and neurons; null: the same.</summary>
    public IntegrationRule? NodeRule { get; init; }
    /// <summary>True when scores depend on the size of the source's batches (<see cref="BatchedScores"/>).</summary>
    public bool AddsByBatch { get; init; }
    /// <summary>
    /// True when the source has ablations of its own: its mean is one row for all nodes (the outputs at last positions divided by the
    /// lengths of the prompts, averaged over nodes and prompts), its eap-ig-activations goes from clean to zero under both means, and its
    /// eap-ig and clean-corrupted know patching only. It scores an MLP with the gradient at the MLP's input.
    /// </summary>
    public bool AblatesItsOwnWay { get; init; }

    /// <summary>The mode of a name.</summary>
    /// <exception cref="InputException">There is none.</exception>
    public static CompatibilityMode Find(string name) => All.FirstOrDefault(m => m.Name == name)
        ?? throw new InputException($"no compatibility mode '{name}'; known: {string.Join(", ", All.Select(m => m.Name))}");

    /// <summary>The options with what the mode pins.</summary>
    /// <param name="options">The caller's part of the options.</param>
    /// <param name="batch">The source's batch size.</param>
    /// <exception cref="InputException">The source does not have the method under this ablation or at this level.</exception>
    public AttributionOptions Apply(AttributionOptions options, int batch = 1)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (!Methods.Contains(options.Method)) throw new InputException($"compatibility mode {Name}: this source has no {options.Method}; take one of {string.Join(", ", Methods)}, or no --compat");
        if (AblatesItsOwnWay && options.Ablation != Ablation.Patching && options.Method is "eap-ig" or "clean-corrupted" or "acdc")
        {
            throw new InputException($"compatibility mode {Name}: this source's {options.Method} knows patching only; under {options.Ablation.Name()} it has eap, eap-ig-activations, exact and ifr");
        }
        if (AblatesItsOwnWay && options.Level != ScoreLevel.Edge && options.Method is "exact" && options.Ablation == Ablation.Mean)
        {
            throw new InputException($"compatibility mode {Name}: under mean, exact scores edges only; take --level edge");
        }
        return options with { Rule = options.Level == ScoreLevel.Edge ? Rule : NodeRule ?? Rule, Quirks = AblatesItsOwnWay ? new LibraryQuirks(batch) : null };
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
        options = Apply(options, batch);
        // Only losses are batch means; what comes without a gradient of them is added up as usual.
        if (!AddsByBatch || AttributionMethods.Find(options.Method).Path(options, models.Graph) is null) return Attributor.Run(models, data, options, progress, cancellation);
        if (options.Level != ScoreLevel.Edge)
        {
            // Nodes are sums of neurons here, not of edges: an MLP's gradient is taken elsewhere.
            var result = Attributor.Run(models, data, options with { Level = ScoreLevel.Neuron }, progress, cancellation);
            double[] nodes = [.. result.NeuronScores!.Chunk(models.Config.Width).Select(neurons => neurons.Sum())];
            return result.WithNodeScores(nodes, options.Level == ScoreLevel.Neuron ? result.NeuronScores : null);
        }
        if (batch == 1) return Attributor.Run(models, data, options, progress, cancellation);
        var sums = new BatchedScores(models.Graph, data.Count, batch);
        return Attributor.Run(models, data, options with { Sink = sums }, progress, cancellation).WithScores(sums.Scores);
    }
}
