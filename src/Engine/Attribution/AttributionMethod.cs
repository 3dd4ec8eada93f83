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
    /// <summary>The steps of a run that was given no number of them; null for a method without steps.</summary>
    public virtual int? DefaultSteps => null;
    /// <summary>The steps of a run; null for a method without steps.</summary>
    public int? StepsOf(AttributionOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return DefaultSteps is null ? null : options.Steps ?? DefaultSteps;
    }
    /// <summary>The rule that cuts the path into steps; null for a method without steps, or where a single step is no path.</summary>
    public virtual IntegrationRule? Rule(AttributionOptions options) => null;
    /// <summary>The points of the paths from ablated to clean whose gradients are weighed; null for a method of another kind.</summary>
    public virtual PathPoint[]? Path(AttributionOptions options, ModelGraph graph) => null;
    /// <summary>The steps of training of a run that was given no number of them; null for a method that trains nothing.</summary>
    public virtual int? DefaultTrainSteps => null;
    /// <summary>The learning rate of a run that was given none; null for a method that trains nothing.</summary>
    public virtual double? DefaultLearningRate => null;
    /// <summary>True when training is for one size of the circuit, <see cref="AttributionOptions.TargetShare"/>.</summary>
    public virtual bool TakesTargetShare => false;
    /// <summary>True where <see cref="AttributionOptions.Rules"/> can take the place of the method's own.</summary>
    public virtual bool TakesRules => false;
    /// <summary>True where positions can be told apart (<see cref="AttributionOptions.Positions"/>).</summary>
    public virtual bool TakesPositions => false;
    /// <summary>
    /// True when the scores are means of scores of single examples, which <see cref="AttributionOptions.Sink"/> can have and several
    /// devices can share out; the result then has <see cref="AttributionResult.Sums"/>.
    /// </summary>
    public virtual bool ScoresByExample(AttributionOptions options) => true;
    /// <summary>Scores every edge.</summary>
    public abstract AttributionResult Run(Transformer model, IReadOnlyList<Example> data, AttributionOptions options,
        IProgress<RunProgress>? progress, CancellationToken cancellation);
}
