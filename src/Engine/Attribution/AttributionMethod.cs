using Faith.Engine.Data;
using Faith.Engine.Passes;

namespace Faith.Engine.Attribution;

/// <summary>A way to score edges.</summary>
public abstract class AttributionMethod
{
    /// <summary>The name on the command line.</summary>
    public abstract string Name { get; }
    /// <summary>One line for tables: what is computed, and the source.</summary>
    public abstract string Summary { get; }
    /// <summary>True when the result depends on <see cref="AttributionOptions.Steps"/>.</summary>
    public virtual bool UsesSteps => false;
    /// <summary>The points of the path from the corrupted to the clean input whose gradients are weighed; null for a method of another kind.</summary>
    public virtual IReadOnlyList<PathPoint>? Path(AttributionOptions options) => null;
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
        new PathMethod("eap", "edge attribution patching: one gradient, at the clean run (Syed et al. 2023)", _ => [new PathPoint(1, 1)]),
        new PathMethod("eap-ig", "EAP with gradients averaged on the path from the corrupted to the clean input (Hanna et al. 2024)", options => options.Rule.Points(options.Steps), usesSteps: true),
        new PathMethod("clean-corrupted", "the mean of the gradients at the clean and the corrupted run (Hanna et al. 2024)", _ => [new PathPoint(1, 0.5), new PathPoint(0, 0.5)]),
    ];

    /// <summary>The method of a name.</summary>
    /// <exception cref="InputException">No such method.</exception>
    public static AttributionMethod Find(string name) => All.FirstOrDefault(m => m.Name == name)
        ?? throw new InputException($"unknown method '{name}'; known: {string.Join(", ", All.Select(m => m.Name))}");
}

/// <summary>Scores the edges of a model on a data set.</summary>
public static class Attributor
{
    /// <summary>Runs the method that <paramref name="options"/> names.</summary>
    public static AttributionResult Run(Transformer model, IReadOnlyList<Example> data, AttributionOptions? options = null,
        IProgress<RunProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(data);
        options ??= new();
        if (data.Count == 0) throw new InputException("the data set is empty");
        return AttributionMethods.Find(options.Method).Run(model, data, options, progress, cancellation);
    }
}
