using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Passes;
using Faith.Engine.ScoreFiles;
using Faith.Engine.Statistics;

namespace Faith.Engine.Experiments;

/// <summary>A run with its model and its data: what a specification computes.</summary>
/// <param name="Specification">The run.</param>
/// <param name="Model">Its model.</param>
/// <param name="Data">Its examples.</param>
/// <param name="AblationData">Where its ablation comes from; null: the data.</param>
public sealed record LoadedRun(RunSpecification Specification, LoadedModel Model, PromptSet Data, PromptSet? AblationData)
{
    /// <summary>The examples on which circuits are measured; null: those by which edges are scored.</summary>
    public PromptSet? HeldOut { get; init; }

    /// <summary>The examples on which circuits are measured.</summary>
    public PromptSet Measured => HeldOut ?? Data;

    /// <summary>Loads the data of a run.</summary>
    /// <param name="note">Says what was left out.</param>
    public static LoadedRun Load(RunSpecification specification, LoadedModel model, Action<string> note, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(specification);
        var (data, heldOut) = specification.LoadParts(model, note, cancellation);
        return new(specification, model, data, specification.LoadAblationData(model, note, cancellation)) { HeldOut = heldOut };
    }

    /// <summary>The same run by another method, with its steps where that takes several by itself.</summary>
    public LoadedRun By(string method) => this with
    {
        Specification = Specification with { Scoring = Specification.Scoring with { Method = method, Steps = AttributionMethods.Find(method).DefaultSteps > 1 ? Specification.Scoring.Steps : null } },
    };

    /// <summary>The same run with edges scored otherwise.</summary>
    /// <param name="scoring">How; its data and memory are not the run's.</param>
    public LoadedRun By(AttributionOptions scoring) => this with { Specification = Specification with { Scoring = scoring with { AblationData = null, MemoryBytes = null } } };

    /// <summary>Scores the edges.</summary>
    public AttributionResult Score(DeviceChoice choice, IProgress<RunProgress>? progress = null, CancellationToken cancellation = default) => Score(choice, null, progress, cancellation);

    /// <summary>Scores the edges and keeps the scores of every example where the run asks for them.</summary>
    /// <exception cref="InputException">It asks, and there is one example only or the method does not score example by example.</exception>
    public (AttributionResult Result, ExampleScores? Examples) ScoreToSelect(DeviceChoice choice, IProgress<RunProgress>? progress = null, CancellationToken cancellation = default)
    {
        if (!Specification.KeepsExamples) return (Score(choice, progress, cancellation), null);
        if (Data.Count < 2) throw new InputException("there is one example only; resampling needs several");
        var kept = new ExampleScores(Model.Graph, Data.Count);
        return (Score(choice, kept, progress, cancellation), kept);
    }

    /// <summary>How edges are selected.</summary>
    /// <param name="examples">The scores of every example, where the run asks for them.</param>
    public EdgeSelection Selection(ExampleScores? examples) => Specification.Selection(Specification.SelectsCertain ? CertainEdges.Of(examples!) : null);

    private AttributionResult Score(DeviceChoice choice, ExampleScores? kept, IProgress<RunProgress>? progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(choice);
        var result = Attributor.Run(Model.OnAll(choice), Data, Specification.Scoring with { AblationData = AblationData, MemoryBytes = choice.MemoryBytes, Sink = kept }, progress, cancellation);
        if (Specification.Combination is not { } combination) return result;
        var alone = this with { Specification = Specification with { Combination = null } };
        AttributionResult[] all = [result, .. combination.Methods.Select(method => alone.By(method).Score(choice, null, progress, cancellation))];
        // What is known of the one method's scores is not known of the ranking.
        return result.WithScores(combination.Of([.. all.Select(r => r.Scores)])) with { CompletenessGap = null, ExampleGaps = null, InputScores = null, Seconds = all.Sum(r => r.Seconds) };
    }

    /// <summary>Measures circuits.</summary>
    public IReadOnlyList<Faithfulness> Evaluate(IReadOnlyList<Circuit> circuits, DeviceChoice choice, IProgress<RunProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(choice);
        return CircuitEvaluator.Evaluate(Model.OnAll(choice), Measured, circuits, Evaluation(choice), progress, cancellation);
    }

    /// <summary>Measures circuits whose edges are told apart by position.</summary>
    public IReadOnlyList<Faithfulness> Evaluate(IReadOnlyList<SpanCircuit> circuits, DeviceChoice choice, IProgress<RunProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(choice);
        return CircuitEvaluator.Evaluate(Model.OnAll(choice), Measured, circuits, Evaluation(choice), progress, cancellation);
    }

    /// <summary>How circuits are measured.</summary>
    public EvaluationOptions Evaluation(DeviceChoice choice)
    {
        ArgumentNullException.ThrowIfNull(choice);
        return new() { Metric = Specification.Scoring.Metric, Ablation = Specification.Scoring.Ablation, AblationData = AblationData, MemoryBytes = choice.MemoryBytes };
    }

    /// <summary>The record of the run.</summary>
    public RunRecord Record(AttributionResult result, DeviceChoice choice) => Record(result, Model.OnAll(choice));

    /// <summary>The record of a run on some devices.</summary>
    /// <param name="settings">Further settings that no specification has.</param>
    public RunRecord Record(AttributionResult result, TransformerSet models, IReadOnlyDictionary<string, string>? settings = null) => RunRecords.Of(Specification, models, Data, AblationData, result, settings);

    /// <summary>What speaks against its scores; null: nothing.</summary>
    public string? Doubt(AttributionResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        return ScoreDoubt.Of(Specification.Scoring, Model.Config.Norm, Model.Graph, result.CompletenessGap);
    }
}
