using Faith.Engine.Ablations;
using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.ScoreFiles;
using Faith.Engine.Tasks;
using Faith.Engine.Tokenizers;

namespace Faith.Engine.Experiments;

/// <summary>
/// One run as somebody asks for it: all that determines its result, and nothing that does not. <see cref="RunSettings"/> has every part of it by name;
/// from there it is read from a study, written into records and parsed back from them.
/// </summary>
public sealed record RunSpecification
{
    // What single commands can do besides, by its name in records.
    private static readonly string[] Unspecified = ["compat", "top", "top_of", "warm_start"];

    /// <summary>The model: a directory or the name of one that is known.</summary>
    public required string Model { get; init; }
    /// <summary>Whether texts begin with the model's begin token.</summary>
    public BeginTokenUse Begin { get; init; }
    /// <summary>The data: a file, or a built-in task.</summary>
    public required string Data { get; init; }
    /// <summary>How a file of data is read.</summary>
    public PromptFormat Format { get; init; } = PromptFormat.Default;
    /// <summary>The folder from which names of files count; null: the current one.</summary>
    public string? Folder { get; init; }
    /// <summary>How many examples; null: all of a file, <see cref="Tasks.TaskPrompts.DefaultCount"/> of a task.</summary>
    public int? Examples { get; init; }
    /// <summary>Which examples: of a task the prompts of this seed; of a file the first ones for 0, else those that the seed draws.</summary>
    public int Seed { get; init; }
    /// <summary>Circuits are measured on so many other examples than those by which edges are scored: of a task the prompts of its held-out part, edges being scored on its other part; of a file those that come next. Null: on the same.</summary>
    public int? HeldOut { get; init; }
    /// <summary>How edges are scored; metric and ablation are those of the circuits too. It holds no data and no memory.</summary>
    public AttributionOptions Scoring { get; init; } = new();
    /// <summary>The other methods whose scores are combined with those of the method; null: none.</summary>
    public MethodCombination? Combination { get; init; }
    /// <summary>Where the ablation comes from; null: the data.</summary>
    public string? AblationData { get; init; }
    /// <summary>How edges are selected.</summary>
    public string Select { get; init; } = SelectionMethods.TopName;
    /// <summary>The share of negative edges, where the selection takes one.</summary>
    public double Negative { get; init; } = SelectionMethods.UsualNegative;
    /// <summary>Rank by score rather than by |score|.</summary>
    public bool Signed { get; init; }
    /// <summary>Sizes of the circuits, rising; null: edges are scored and nothing is selected.</summary>
    public IReadOnlyList<int>? Sizes { get; init; }

    /// <summary>Resamples of the scored examples by which it is told how often each edge is selected; 0: nobody asks.</summary>
    public int Resamples { get; init; }

    /// <summary>Whether the scores of every example are asked for.</summary>
    public bool KeepsExamples => SelectsCertain || (Resamples > 0 && Sizes is not null && Scoring.Level == ScoreLevel.Edge);

    /// <summary>Whether it must be known which edges are certain before edges are selected.</summary>
    public bool SelectsCertain => Select == SelectionMethods.StableName && Sizes is not null && Scoring.Level == ScoreLevel.Edge;

    /// <summary>How edges are selected, with the settings of the selection.</summary>
    /// <param name="certain">The edges whose sign is certain; null where nobody asked.</param>
    public EdgeSelection Selection(IReadOnlyList<EdgeId>? certain) => new(Select) { Negative = Negative, Certain = certain };

    /// <summary>What the examples must have for this run.</summary>
    public PromptNeeds Needs => new(
        Corrupted: Scoring.Ablation == Ablation.Patching && AblationData is null ? $"--ablation {Scoring.Ablation.Name()}" : null,
        Answers: Scoring.Metric.IsDivergence() ? null : $"--metric {Scoring.Metric.Name()}",
        Distractors: Scoring.Metric.IsDifference() ? $"--metric {Scoring.Metric.Name()}" : null,
        Positions: Scoring.Positions);

    /// <summary>All settings that say anything here, name=value a line: equal for runs that are the same.</summary>
    public string Identity => string.Concat(RunSettings.All.Select(s => s.Get(this) is { } value ? $"{s.Name}={value}\n" : ""));

    /// <summary>What of <see cref="Identity"/> determines the scores: runs that differ only in what is selected share them.</summary>
    public string ScoringIdentity => (this with { Sizes = null }).Identity;

    /// <summary>The run in a few words: what it is of, and what is not as it is unless said.</summary>
    /// <param name="without">Settings to leave out.</param>
    public string Wording(params ReadOnlySpan<string> without)
    {
        var usual = new RunSpecification { Model = "", Data = "", Scoring = new() { Method = Scoring.Method }, Sizes = Sizes };
        var words = new List<string>();
        foreach (var setting in RunSettings.All)
        {
            if (without.Contains(setting.Name) || setting.Get(this) is not { } value || (value == setting.Get(usual) && setting.Name != RunSettings.Method)) continue;
            words.Add(setting.Name is "model" or "data" or RunSettings.Method ? PlainText.Short(value) : $"{setting.Name}={PlainText.Short(value)}");
        }
        return string.Join(' ', words);
    }

    /// <summary>The specification that a record tells.</summary>
    /// <exception cref="InputException">The record does not say what was run, or says it in words that are not known.</exception>
    public static RunSpecification Of(RunRecord run)
    {
        ArgumentNullException.ThrowIfNull(run);
        if (Unspecified.FirstOrDefault(run.Options.ContainsKey) is { } other) throw new InputException($"the record is of a run with --{other.Replace('_', '-')}, which no study has");
        var specification = new RunSpecification
        {
            Model = run.Model ?? throw new InputException("the record names no model"), Data = run.Data ?? throw new InputException("the record names no data"),
        };
        // The method first: what other settings mean depends on it.
        foreach (var setting in RunSettings.All.OrderBy(s => s.Name != RunSettings.Method))
        {
            if (setting.InRecord(run) is { } value) specification = setting.Set(specification, value);
        }
        return specification;
    }

    /// <summary>Loads the model's files.</summary>
    public LoadedModel LoadModel() => LoadedModel.Load(PathOf(Model), Begin);

    /// <summary>Loads the examples and checks them against the model.</summary>
    /// <param name="note">Says what was left out.</param>
    public PromptSet LoadData(LoadedModel model, Action<string> note, CancellationToken cancellation = default) =>
        DataSource.Load(PathOf(Data), Examples, model, note, Needs, format: Format, cancellation: cancellation, seed: (ulong)Seed);

    /// <summary>Loads the examples by which edges are scored, and those on which circuits are measured where these are others.</summary>
    /// <param name="note">Says what was left out.</param>
    /// <exception cref="InputException">They cannot be loaded, or there are too few.</exception>
    public (PromptSet Scored, PromptSet? HeldOut) LoadParts(LoadedModel model, Action<string> note, CancellationToken cancellation = default)
    {
        if (HeldOut is not { } count) return (LoadData(model, note, cancellation), null);
        if (AblationData is not null && Scoring.Ablation == Ablation.Patching) throw new InputException("held-out: the corrupted prompts of ablation-data belong to the examples one for one, and cannot stand in for those of others; leave one of the two out");
        return DataSource.LoadParts(PathOf(Data), Examples, count, model, note, Needs, Format, (ulong)Seed, cancellation);
    }

    /// <summary>Loads what the ablation comes from; null where that is the data.</summary>
    /// <exception cref="InputException">It cannot be loaded, or the ablation takes nothing from data.</exception>
    public PromptSet? LoadAblationData(LoadedModel model, Action<string> note, CancellationToken cancellation = default)
    {
        if (AblationData is null) return null;
        if (Scoring.Ablation == Ablation.Zero) throw new InputException("--ablation-data: zero takes nothing from data; give it with --ablation patching, mean or mean-positional");
        // Patching goes prompt by prompt, so as many are needed; a mean takes all that there are.
        var needs = new PromptNeeds(Corrupted: Scoring.Ablation == Ablation.Patching ? "--ablation patching" : null, Answers: null, Distractors: null);
        return DataSource.Load(PathOf(AblationData), Scoring.Ablation == Ablation.Patching ? Examples : null, model, note, needs, "--ablation-data", Format, cancellation: cancellation);
    }

    /// <summary>The run without its folder where none of its names is of a file or a folder there.</summary>
    public RunSpecification WithoutNeedlessFolder() => ((string?[])[Model, Data, AblationData]).OfType<string>().Any(name => PathOf(name) != name) ? this : this with { Folder = null };

    /// <summary>A name of a file or a folder where it is one beside <see cref="Folder"/>; any other name, and that of a built-in task, as it stands.</summary>
    public string PathOf(string name) => Folder is not null && TaskCatalog.TryFind(name) is null && Path.Combine(Folder, name) is var beside && (File.Exists(beside) || Directory.Exists(beside)) ? beside : name;
}
