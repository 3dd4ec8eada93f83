using Faith.Engine.Ablations;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Passes;

namespace Faith.Engine.Attribution;

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
        if (options.Positions is { } positions)
        {
            (var spans, data) = Positions.Apply(data, positions);
            options = options with { SpanGraph = new SpanGraph(models.Graph, spans) };
        }
        var method = AttributionMethods.Find(options.Method);
        return method.ScoresByExample(options)
            ? MultiDeviceRun.Run(models, data, options, method.Run, progress, cancellation)
            : method.Run(models.First, data, options, progress, cancellation);
    }

    /// <summary>What every run needs.</summary>
    /// <exception cref="InputException">There are no examples, or the method cannot hand on what it was asked for.</exception>
    internal static void Check(IReadOnlyList<Example> data, AttributionOptions options)
    {
        if (data.Count == 0) throw new InputException("the data set is empty");
        if (options.Rules is not null && !AttributionMethods.Find(options.Method).TakesRules)
        {
            var taking = string.Join(", ", AttributionMethods.All.Where(m => m.TakesRules).Select(m => m.Name));
            throw new InputException($"{options.Method} goes back by no rule that could be another (--rules); those that do: {taking}");
        }
        if (options.Positions is not null) CheckPositions(options);
        if (options.Sink is not null && !AttributionMethods.Find(options.Method).ScoresByExample(options))
        {
            throw new InputException($"{options.Method} at the level of {options.Level.Name()}s does not score edges example by example");
        }
    }

    /// <summary>What a run needs that tells positions apart.</summary>
    /// <exception cref="InputException">Its method does not, or not at its level.</exception>
    internal static void CheckPositions(AttributionOptions options)
    {
        if (options.Level == ScoreLevel.Neuron) throw new InputException("--positions scores edges and nodes; take --level edge or node");
        if (AttributionMethods.Find(options.Method).TakesPositions) return;
        throw new InputException($"{options.Method} does not tell positions apart (--positions); those that do: {string.Join(", ", AttributionMethods.All.Where(m => m.TakesPositions).Select(m => m.Name))}");
    }
}
