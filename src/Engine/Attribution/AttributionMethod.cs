using Faith.Engine.Ablations;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Passes;

namespace Faith.Engine.Attribution;

/// <summary>A way to score edges.</summary>
public abstract class AttributionMethod
{
    /// <summary>The name on the command line.</summary>
    public abstract string Name { get; }
    /// <summary>One line for tables: what is computed, and the source.</summary>
    public abstract string Summary { get; }
    /// <summary>The rule that cuts the path into <see cref="AttributionOptions.Steps"/>; null for a method without steps.</summary>
    public virtual IntegrationRule? Rule(AttributionOptions options) => null;
    /// <summary>The points of the paths from ablated to clean whose gradients are weighed; null for a method of another kind.</summary>
    public virtual PathPoint[]? Path(AttributionOptions options, ModelGraph graph) => null;
    /// <summary>
    /// True when the scores are means of scores of single examples, which <see cref="AttributionOptions.Sink"/> can have and several
    /// devices can share out; the result then has <see cref="AttributionResult.Sums"/>.
    /// </summary>
    public virtual bool ScoresByExample(AttributionOptions options) => true;
    /// <summary>Scores every edge.</summary>
    public abstract AttributionResult Run(Transformer model, IReadOnlyList<Example> data, AttributionOptions options,
        IProgress<RunProgress>? progress, CancellationToken cancellation);
}

/// <summary>The methods, in one table that the command line, the documentation and the tests read.</summary>
public static class AttributionMethods
{
    /// <summary>All methods.</summary>
    public static IReadOnlyList<AttributionMethod> All { get; } =
    [
        new PathMethod("eap", "edge attribution patching: one gradient, at the clean run (Syed et al. 2023)", (_, _) => [new PathPoint(1, 1)]),
        new PathMethod("eap-ig", "EAP with gradients averaged on the path from the corrupted to the clean input (Hanna et al. 2024)", (options, _) => options.Rule.Points(options.Steps), options => options.Rule),
        new PathMethod("clean-corrupted", "the mean of the gradients at the clean and the corrupted run (Hanna et al. 2024)", (_, _) => [new PathPoint(1, 0.5), new PathPoint(0, 0.5)]),
        new PathMethod("eap-ig-activations", "EAP with gradients averaged on the paths of one source layer's outputs at a time (Hanna et al. 2024)", StagedPaths, _ => IntegrationRule.Right),
        new ExactMethod(),
        new InformationFlowMethod(),
        new DiscoveryMethod(),
    ];

    /// <summary>Steps 1 … m for each of the 2L + 1 source layers: input, heads and MLP of every layer.</summary>
    private static PathPoint[] StagedPaths(AttributionOptions options, ModelGraph graph)
    {
        var stages = 1 + 2 * graph.Layers;
        return [.. Enumerable.Range(0, stages).SelectMany(stage =>
            IntegrationRule.Right.Points(options.Steps).Select(p => new PathPoint(p.Alpha, p.Weight / stages, stage)))];
    }

    /// <summary>The method of a name.</summary>
    /// <exception cref="InputException">No such method.</exception>
    public static AttributionMethod Find(string name) => All.FirstOrDefault(m => m.Name == name)
        ?? throw new InputException($"unknown method '{name}'; known: {string.Join(", ", All.Select(m => m.Name))}");
}

/// <summary>Scores the edges of a model on a data set.</summary>
public static class Attributor
{
    /// <summary>
    /// Runs the method that <paramref name="options"/> names. Of several devices a method that does not score example by example
    /// (<see cref="AttributionMethod.ScoresByExample"/>) uses the first.
    /// </summary>
    public static AttributionResult Run(TransformerSet models, IReadOnlyList<Example> data, AttributionOptions? options = null,
        IProgress<RunProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(models);
        ArgumentNullException.ThrowIfNull(data);
        options ??= new();
        Check(data, options);
        data = Counterfactuals.Apply(data, options.Ablation, options.AblationData);
        var method = AttributionMethods.Find(options.Method);
        return method.ScoresByExample(options)
            ? PartedRun.Run(models, data, options, method.Run, progress, cancellation)
            : method.Run(models.First, data, options, progress, cancellation);
    }

    /// <summary>What every run needs.</summary>
    /// <exception cref="InputException">There are no examples, or the method cannot hand on what it was asked for.</exception>
    internal static void Check(IReadOnlyList<Example> data, AttributionOptions options)
    {
        if (data.Count == 0) throw new InputException("the data set is empty");
        if (options.Sink is not null && !AttributionMethods.Find(options.Method).ScoresByExample(options))
        {
            throw new InputException($"{options.Method} at the level of {options.Level.Name()}s does not score edges example by example");
        }
    }
}
