using System.CommandLine;
using Faith.Engine.Ablations;
using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Experiments;
using Faith.Engine.Metrics;
using Faith.Engine.Tasks;

namespace Faith.Cli;

/// <summary>The options of every command that runs a model on data.</summary>
/// <param name="measures">False for a command that measures something of its own: no metric and no ablation.</param>
internal sealed class RunOptions(CommandContext context, bool measures = true)
{
    private readonly DeviceOptions device = new(context);
    private readonly ReadingOptions reading = new(context);
    private readonly PathOption model = new("--model", PathRole.Model, "a directory in Hugging Face layout, or the name of a shipped model or of a repository in the cache (faith pull)", required: true);
    private readonly PathOption data = new("--data", PathRole.Data, "a JSONL, CSV or Parquet file, or the name of a built-in task", required: true);
    private readonly Option<int?> examples = OptionKinds.OptionalInteger("--examples", $"use the first N examples; of a built-in task {TaskPrompts.DefaultCount} unless given", 1, 1_000_000);
    private readonly ChoiceOption metric = new("--metric", "what is measured at the last position", "logit-diff", MetricKinds.Names);
    private readonly ChoiceOption ablation = new("--ablation", "what stands in for what is taken away", "patching", AblationNames.All);
    private readonly PathOption ablationData = new("--ablation-data", PathRole.Data, "data to take the ablation from: clean prompts for means, corrupted ones (one for one) for patching; --data unless given");

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Add(model);
        command.Add(data);
        command.Add(examples);
        reading.AddTo(command);
        if (measures)
        {
            command.Add(metric);
            command.Add(ablation);
            command.Add(ablationData);
        }
        device.AddTo(command);
    }

    /// <summary>The model's files.</summary>
    public LoadedModel LoadModel(ParseResult parse) => reading.LoadModel(parse, parse.GetRequiredValue(model));

    /// <summary>The run that the arguments ask for, with its data; of its scoring no more is said than metric, ablation and positions.</summary>
    /// <param name="positions">How positions are told apart, which data need spans or one length for; null: they are not.</param>
    public LoadedRun Load(ParseResult parse, LoadedModel loaded, PositionKind? positions = null)
    {
        var asked = reading.Specification(parse, parse.GetRequiredValue(model)) with
        {
            Data = parse.GetRequiredValue(data), Examples = parse.GetValue(examples), AblationData = parse.GetValue(ablationData),
            Scoring = new() { Metric = MetricKinds.Parse(parse.GetRequiredValue(metric)), Ablation = AblationNames.Parse(parse.GetRequiredValue(ablation)), Positions = positions },
        };
        return LoadedRun.Load(asked, loaded, context.Note, context.Cancellation);
    }

    /// <summary>The examples alone, for a command that has no metric of its own: it asks for the answers.</summary>
    public PromptSet LoadData(ParseResult parse, LoadedModel loaded) =>
        reading.LoadData(parse, loaded, parse.GetRequiredValue(data), parse.GetValue(examples), new(Corrupted: null, Answers: "the accuracy", Distractors: "the accuracy"));

    /// <summary>Where to run.</summary>
    public DeviceChoice Device(ParseResult parse) => device.Read(parse);
}
