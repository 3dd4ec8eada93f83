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
