using System.CommandLine;
using Faith.Engine;
using Faith.Engine.Experiments;
using Faith.Engine.Hub;
using Faith.Engine.Mib;

namespace Faith.Cli;

/// <summary>The options of commands that run a cell of the MIB benchmark.</summary>
/// <param name="split">The split unless another is given.</param>
internal sealed class MibOptions(CommandContext context, string split)
{
    private readonly Option<string[]> cell = new("--cell") { HelpName = "task_model", Required = true, Description = "the cell: ioi_gpt2 and so on, which faith mib cells lists; several with commas between them, or again and again" };
    private readonly PathOption model = new("--model", PathRole.Model, "another model than the cell's, or where its directory is");
    private readonly PathOption data = new("--data", PathRole.Data, "the cell's data: a folder that holds the data set, or a file of it (Parquet or JSONL); unless given what faith pull --dataset brought into the Hugging Face cache");
    private readonly ChoiceOption from = new("--split", "which part of the data", split, MibData.Splits);
    private readonly Option<string?> counterfactual = OptionKinds.Optional("--counterfactual", "name", "what the corrupted prompts are: a column without _counterfactual; the task's usual ones unless given");
    private readonly Option<int?> examples = OptionKinds.OptionalInteger("--examples", "use the first N examples after the benchmark's filters", 1, 1_000_000);
    private readonly DeviceOptions device = new(context);

    /// <summary>What a record calls the cell.</summary>
    internal const string CellName = "mib_cell";

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[cell, model, data, from, counterfactual, examples]) command.Add(option);
        device.AddTo(command);
    }

    /// <summary>The cells, each once.</summary>
    public IReadOnlyList<MibCell> Cells(ParseResult parse) =>
        [.. parse.GetRequiredValue(cell).SelectMany(names => names.Split(',', StringSplitOptions.TrimEntries)).Select(MibCells.Named).Distinct()];

    /// <summary>The model of a cell, or the one that stands for it.</summary>
    public string ModelName(ParseResult parse, MibCell chosen) =>
        parse.GetValue(model) ?? chosen.Model.Repository;

    /// <summary>The examples of a cell.</summary>
    /// <param name="usual">How many unless given; null: all.</param>
    public MibData LoadData(ParseResult parse, MibCell chosen, LoadedModel loaded, int? usual)
    {
        var path = parse.GetValue(data) ?? MibData.InCache(chosen, HubCache.OfEnvironment());
        var read = MibData.Load(chosen, path, parse.GetRequiredValue(from), parse.GetValue(examples) ?? usual, parse.GetValue(counterfactual), loaded, context.Cancellation);
        if (read.Filtered > 0) context.Note($"{read.Filtered} rows of {path} are left out by the benchmark's filters with the tokenizer of {loaded.Name}");
        if (read.Uneven > 0) context.Note($"{read.Uneven} rows of {path} are left out because clean and counterfactual prompt have different numbers of tokens, which the benchmark does not check");
        return read;
    }

    /// <summary>Where to run.</summary>
    public DeviceChoice Device(ParseResult parse) => device.Read(parse);

    /// <summary>What makes a result, for its record.</summary>
    public Dictionary<string, string> Settings(ParseResult parse, MibCell chosen) => new(StringComparer.Ordinal)
    {
        [CellName] = chosen.Name, ["mib_split"] = parse.GetRequiredValue(from), ["mib_counterfactual"] = parse.GetValue(counterfactual) ?? chosen.Task.Counterfactual,
    };
}
