using System.CommandLine;
using Faith.Engine;
using Faith.Engine.Data;
using Faith.Engine.Experiments;
using Faith.Engine.Tasks;

namespace Faith.Cli;

/// <summary>The options of a command that looks at what a model makes of prompts: one given as text, or those of data.</summary>
internal sealed class PromptOptions(CommandContext context)
{
    private readonly PathOption model = new("--model", PathRole.Model, "a directory in Hugging Face layout, or the name of a shipped model or of a repository in the cache (faith pull)", required: true);
    private readonly Option<string?> prompt = OptionKinds.Optional("--prompt", "TEXT", "a prompt as text");
    private readonly PathOption data = new("--data", PathRole.Data, "the prompts of a JSONL, CSV or Parquet file, or of a built-in task, instead");
    private readonly Option<int?> examples = OptionKinds.OptionalInteger("--examples", $"use the first N examples; of a built-in task {TaskPrompts.DefaultCount} unless given", 1, 1_000_000);
    private readonly ReadingOptions reading = new(context);

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[model, prompt, data, examples]) command.Add(option);
        reading.AddTo(command);
        command.Validators.Add(result =>
        {
            if ((result.GetResult(prompt) is null) == (result.GetResult(data) is null)) result.AddError("give either --prompt TEXT or --data D");
            if (result.GetResult(examples) is not null && result.GetResult(data) is null) result.AddError("--examples needs --data");
        });
    }

    /// <summary>The model's files.</summary>
    public LoadedModel LoadModel(ParseResult parse) => reading.LoadModel(parse, parse.GetRequiredValue(model));

    /// <summary>The prompts: a <see cref="PromptSet"/>, or the one that was given.</summary>
    public IReadOnlyList<Example> Read(ParseResult parse, LoadedModel loaded)
    {
        if (parse.GetValue(data) is { } from) return reading.LoadData(parse, loaded, from, parse.GetValue(examples), PromptNeeds.Prompts);
        var ids = Encode(loaded, parse.GetValue(prompt)!, context.Cancellation);
        return [new Example(ids, ids, [], [])];
    }

    /// <summary>The ids of `--prompt`.</summary>
    /// <exception cref="InputException">The model has no tokenizer, or the text is empty or too long.</exception>
    public static int[] Encode(LoadedModel loaded, string text, CancellationToken cancellation)
    {
        var tokenizer = loaded.Tokenizer ?? throw new InputException($"--model {loaded.Name}: the model has no tokenizer, so it reads no text; give token ids with --data");
        var ids = tokenizer.EncodePrompt(text, cancellation);
        if (ids.Length == 0) throw new InputException("--prompt is empty, and the model has no token that starts a text");
        if (ids.Length > loaded.Config.Context) throw new InputException($"--prompt has {ids.Length} tokens; the model's context holds {loaded.Config.Context}");
        return ids;
    }
}
