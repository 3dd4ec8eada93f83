using System.CommandLine;
using Faith.Engine.Data;
using Faith.Engine.Experiments;
using Faith.Engine.Tokenizers;

namespace Faith.Cli;

/// <summary>The options that say how a model reads text and data.</summary>
internal sealed class ReadingOptions(CommandContext context)
{
    private readonly Option<bool> bos = new("--bos") { Description = "texts begin with the model's begin token, also where its tokenizer's files have none" };
    private readonly Option<bool> noBos = new("--no-bos") { Description = "texts begin with no token of the model's, whatever its tokenizer's files say" };
    private readonly ChoiceOption answerTokens = new("--answer-tokens", "how many tokens an answer given as text may have: one, or as many as it likes and the first stands for it", "one", ["one", "first"]);
    private readonly Option<string?> columns = OptionKinds.Optional("--columns", "clean=A,…", "the columns of a file that hold clean, corrupted, answers, distractors and spans, where they are called otherwise: clean=A,corrupted=B,answers=C,distractors=D; dots lead into structs; of CSV files spans=S1:S2:end lists the columns where spans begin");

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Add(bos);
        command.Add(noBos);
        command.Add(answerTokens);
        command.Add(columns);
        command.Validators.Add(result =>
        {
            if (result.GetResult(bos) is not null && result.GetResult(noBos) is not null) result.AddError("give --bos or --no-bos, not both");
        });
    }

    /// <summary>A model's files.</summary>
    public LoadedModel LoadModel(ParseResult parse, string name) => LoadedModel.Load(name, Begin(parse));

    /// <summary>Whether texts begin with the model's begin token.</summary>
    public BeginTokenUse Begin(ParseResult parse) => parse.GetValue(bos) ? BeginTokenUse.Prepend : parse.GetValue(noBos) ? BeginTokenUse.Omit : BeginTokenUse.AsFilesSay;

    /// <summary>Examples, checked against the model.</summary>
    /// <param name="data">A file or the name of a built-in task.</param>
    /// <param name="examples">How many, or null; see <see cref="DataSource.Load"/>.</param>
    /// <param name="needs">What they must have; everything unless given.</param>
    /// <param name="option">The option that named the data.</param>
    public PromptSet LoadData(ParseResult parse, LoadedModel loaded, string data, int? examples, PromptNeeds? needs = null, string option = "--data") =>
        DataSource.Load(data, examples, loaded, context.Note, needs, option, Format(parse), cancellation: context.Cancellation);

    /// <summary>A run of a model, of which the data are still to be said.</summary>
    public RunSpecification Specification(ParseResult parse, string model) => new() { Model = model, Data = "", Begin = Begin(parse), Format = Format(parse) };

    /// <summary>How a file is read.</summary>
    public PromptFormat Format(ParseResult parse) => new()
    {
        FirstTokens = parse.GetValue(answerTokens) == "first",
        Columns = parse.GetValue(columns) is { } named ? PromptColumns.Parse(named) : null,
    };
}
