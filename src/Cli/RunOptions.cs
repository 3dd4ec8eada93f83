using System.CommandLine;
using Faith.Engine.Data;
using Faith.Engine.Metrics;

namespace Faith.Cli;

/// <summary>The options of every command that runs a model on data.</summary>
/// <param name="metric">False for a command that measures something of its own.</param>
internal sealed class RunOptions(CommandContext context, bool metric = true)
{
    private readonly DeviceOptions device = new(context);
    private readonly Option<string> model = OptionKinds.Required("--model", "M", "a directory in Hugging Face layout, or the name of a shipped model");
    private readonly Option<string> data = OptionKinds.Required("--data", "D", "a JSONL or CSV file, or the name of a built-in task");
    private readonly Option<int?> examples = OptionKinds.OptionalInteger("--examples", $"use the first N examples; of a built-in task {TaskPrompts.DefaultCount} unless given", 1, 1_000_000);
    private readonly Option<string> metricName = OptionKinds.Choice("--metric", "what is measured at the last position", "logit-diff", MetricKinds.Names);

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Add(model);
        command.Add(data);
        command.Add(examples);
        if (metric) command.Add(metricName);
        device.AddTo(command);
    }

    /// <summary>The metric.</summary>
    public MetricKind Metric(ParseResult parse) => MetricKinds.Parse(parse.GetRequiredValue(metricName));

    /// <summary>The model's files.</summary>
    public LoadedModel LoadModel(ParseResult parse) => LoadedModel.Load(parse.GetRequiredValue(model));

    /// <summary>The examples, checked against the model.</summary>
    public PromptSet LoadData(ParseResult parse, LoadedModel loaded) => DataSource.Load(parse.GetRequiredValue(data), parse.GetValue(examples), loaded, context.Error);

    /// <summary>Where to run.</summary>
    public DeviceChoice Device(ParseResult parse) => device.Read(parse);
}
